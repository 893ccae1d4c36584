#include <mtasts.h>
#include <string.h>

bool pattern_matches(const char *pattern, const char *mx_host)
{
    mtasts_answer matches = MTASTS_UNKNOWN;

    mtasts_pattern_match(pattern, strlen(pattern),
                         mx_host, strlen(mx_host), &matches);
    return matches == MTASTS_YES; /* unknown is not yes */
}
