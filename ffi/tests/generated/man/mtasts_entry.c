#include <mtasts.h>
#include <stdlib.h>

uint8_t *encoded(const mtasts_entry *entry, size_t *len)
{
    uint8_t *octets = NULL;

    if (mtasts_entry_encode(entry, NULL, 0, len) != MTASTS_OK)
        return NULL;
    octets = (uint8_t *)malloc(*len);
    if (octets && mtasts_entry_encode(entry, octets, *len, len) == MTASTS_OK)
        return octets;
    free(octets);
    return NULL;
}
