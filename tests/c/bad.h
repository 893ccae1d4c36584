#ifndef BAD_H
#define BAD_H

#include "given.h"
#include "outs.h"

/* In bad_client.c: bad arguments to clients and rulings. */
void bad_clients(void);

/* In bad_lookup.c: bad arguments to lookups and entries, and everything out of turn. */
void bad_lookups(void);

/* In bad_text.c: hostile text from the wire. */
void hostile_text(void);

#endif
