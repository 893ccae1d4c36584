/* A program built with nothing but what pkg-config says: a small lookup. */
#include <mtasts.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    mtasts_lookup *lookup = NULL;
    mtasts_str name;
    const char *domain = "example.com";
    if (mtasts_abi() != MTASTS_ABI || !mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR)) return 1;
    if (mtasts_lookup_new(domain, strlen(domain), NULL, MTASTS_INTENT_DELIVER, NULL, 1800000000, &lookup) != MTASTS_OK)
        return 1;
    if (mtasts_lookup_txt_name(lookup, &name) != MTASTS_OK) return 1;
    printf("libmtasts %s wants %s\n", mtasts_version().data, name.data);
    mtasts_lookup_free(lookup);
    return 0;
}
