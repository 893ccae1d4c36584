#include <mtasts.h>
#include <stdio.h>

void show_problems(const uint8_t *body, size_t body_len)
{
    mtasts_problems *problems = NULL;
    mtasts_problem problem;
    size_t i = 0;

    mtasts_problems_new(body, body_len, &problems);
    while (mtasts_problems_get(problems, i++, &problem) == MTASTS_OK)
        printf("%lu:%lu: %s\n", (unsigned long)problem.line,
               (unsigned long)problem.column,
               mtasts_problem_kind_name(problem.kind).data);
    mtasts_problems_free(problems);
}
