#include <mtasts.h>
#include <stdio.h>

bool library_fits(void)
{
    if (mtasts_abi() == MTASTS_ABI
        && mtasts_version_check(MTASTS_VERSION_MAJOR,
                                MTASTS_VERSION_MINOR))
        return true;
    fprintf(stderr, "libmtasts %s does not fit\n",
            mtasts_version().data);
    return false;
}
