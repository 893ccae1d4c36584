#ifndef API_H
#define API_H

#include "given.h"

/* In api_client.c: what clients answer, and their rulings. */
void clients(void);

/* In api_lookup.c: what lookups and cache entries answer. */
void lookups(void);

#endif
