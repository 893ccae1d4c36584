#include <mtasts.h>
#include <stdio.h>
#include <string.h>

bool cache_key(const char *domain, char key[245])
{
    mtasts_name_problem problem = 0;
    size_t len = strlen(domain), need = 0, at = 0;

    if (mtasts_domain_normalize(domain, len, key, 245, &need)
        == MTASTS_OK)
        return true;
    if (mtasts_domain_problem(domain, len, &problem, &at) == MTASTS_OK)
        fprintf(stderr, "no policy domain: %s at octet %zu\n",
                mtasts_name_problem_name(problem).data, at);
    return false;
}
