#include <mtasts.h>
#include <string.h>

bool sts_id(const char *record, char id[33])
{
    mtasts_txt *txt = NULL;
    size_t len = strlen(record), need = 0;
    bool found = mtasts_txt_new(&txt) == MTASTS_OK
                 && mtasts_txt_add(txt, record, len) == MTASTS_OK
                 && mtasts_txt_sts_id(txt, id, 33, &need) == MTASTS_OK;

    mtasts_txt_free(txt);
    return found;
}
