#include <mtasts.h>
#include <stdio.h>

void show_destinations(const mtasts_txt *txt)
{
    mtasts_tlsrpt *tlsrpt = NULL;
    mtasts_str uri;
    size_t i = 0;

    mtasts_tlsrpt_parse(txt, &tlsrpt);
    while (mtasts_tlsrpt_rua(tlsrpt, i++, &uri) == MTASTS_OK)
        puts(uri.data);
    mtasts_tlsrpt_free(tlsrpt);
}
