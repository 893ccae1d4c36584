#include <mtasts.h>

/* Ask DNS at most once an hour for a domain whose policy is cached. */
mtasts_config *hourly(void)
{
    mtasts_config *config = NULL;

    if (mtasts_config_new(&config) == MTASTS_OK)
        mtasts_config_set(config, MTASTS_OPTION_RECHECK_AFTER, 3600);
    return config; /* the defaults if it is NULL */
}
