#include <mtasts.h>
#include <stdio.h>

/* The mail server's own store. */
mtasts_entry *lock_and_read(const char *domain);
void write_and_unlock(const char *domain, const mtasts_entry *entry);

void finish(const mtasts_lookup *lookup, const char *domain, int64_t now)
{
    mtasts_entry *current = NULL, *entry = NULL;
    mtasts_cache cache = MTASTS_CACHE_KEEP;
    mtasts_str why;

    if (mtasts_lookup_failure_text(lookup, &why) == MTASTS_OK)
        fprintf(stderr, "%s: %s\n", domain, why.data);
    mtasts_lookup_cache(lookup, &cache);
    if (cache == MTASTS_CACHE_KEEP)
        return;
    current = lock_and_read(domain);
    mtasts_lookup_apply(lookup, current, now, &entry);
    write_and_unlock(domain, entry); /* NULL: leave it as it is */
    mtasts_entry_free(current);
    mtasts_entry_free(entry);
}
