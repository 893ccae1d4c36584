/* DNS and HTTPS for a lookup, one after the other: for a process that has nothing else to do meanwhile. */
#ifndef EXAMPLE_BLOCKING_IO_H
#define EXAMPLE_BLOCKING_IO_H

#include "wire.h"

#include <netinet/in.h>
#include <resolv.h>

struct blocking_io {
    struct settings settings;
    struct __res_state resolver;
};

/* False if there is no resolver; it has said why. */
bool blocking_io_open(struct blocking_io *io, const struct settings *settings);

/* Gives a lookup what it wants until it has ended. If the result is not MTASTS_OK: defer. */
mtasts_result blocking_io_run(struct blocking_io *io, mtasts_lookup *lookup);

void blocking_io_close(struct blocking_io *io);

#endif
