#include "blocking_io.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool use_name_server(struct __res_state *resolver, const char *dns);
static mtasts_result ask_txt(struct blocking_io *io, mtasts_lookup *lookup);
static mtasts_result fetch_policy(struct blocking_io *io, mtasts_lookup *lookup);
static void find_addresses(struct blocking_io *io, const char *host, int type, struct addresses *addresses);

bool blocking_io_open(struct blocking_io *io, const struct settings *settings) {
    memset(io, 0, sizeof *io);
    io->settings = *settings;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || res_ninit(&io->resolver) != 0) {
        fputs("cannot start libcurl or the resolver: is there memory?\n", stderr);
        curl_global_cleanup();
        return false;
    }
    io->resolver.retry = 2;
    io->resolver.retrans = settings->timeout < 10 ? (int)(settings->timeout + 1) / 2 : 5;
    if (settings->dns && !use_name_server(&io->resolver, settings->dns)) {
        fprintf(stderr, "--dns %s: give an IPv4 address and a port, such as 192.0.2.53:53\n", settings->dns);
        blocking_io_close(io);
        return false;
    }
    return true;
}

void blocking_io_close(struct blocking_io *io) {
    res_nclose(&io->resolver);
    curl_global_cleanup();
}

static bool use_name_server(struct __res_state *resolver, const char *dns) {
    struct sockaddr_in *server = &resolver->nsaddr_list[0];
    const char *colon = strrchr(dns, ':');
    char address[INET_ADDRSTRLEN];
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;

    if (port < 1 || port > 65535 || (size_t)(colon - dns) >= sizeof address)
        return false;
    snprintf(address, sizeof address, "%.*s", (int)(colon - dns), dns);
    memset(server, 0, sizeof *server);
    server->sin_family = AF_INET;
    server->sin_port = htons((uint16_t)port);
    resolver->nscount = 1;
    return inet_pton(AF_INET, address, &server->sin_addr) == 1;
}

mtasts_result blocking_io_run(struct blocking_io *io, mtasts_lookup *lookup) {
    for (;;) {
        mtasts_want want = MTASTS_WANT_FAILED;
        mtasts_result result = mtasts_lookup_want(lookup, &want);

        if (result == MTASTS_OK) {
            switch (want) {
            case MTASTS_WANT_NOTHING:
                return MTASTS_OK;
            case MTASTS_WANT_TXT:
                result = ask_txt(io, lookup);
                break;
            case MTASTS_WANT_HTTPS:
                result = fetch_policy(io, lookup);
                break;
            default: /* broken, or a want that this program does not know */
                return MTASTS_E_PANIC;
            }
        }
        if (result != MTASTS_OK)
            return result;
    }
}

static mtasts_result ask_txt(struct blocking_io *io, mtasts_lookup *lookup) {
    unsigned char answer[NS_MAXMSG];
    mtasts_txt_status status = MTASTS_TXT_TEMPFAIL;
    mtasts_str name;

    mtasts_result result = mtasts_lookup_txt_name(lookup, &name);
    if (result != MTASTS_OK)
        return result;
    /* Never res_nsearch(): it would also ask for the name below the domains of this machine. */
    int len = res_nquery(&io->resolver, name.data, ns_c_in, ns_t_txt, answer, sizeof answer);
    if (len >= 0 && (size_t)len <= sizeof answer)
        status = take_txt(lookup, answer, (size_t)len);
    else if (len < 0 && (io->resolver.res_h_errno == HOST_NOT_FOUND || io->resolver.res_h_errno == NO_DATA))
        status = MTASTS_TXT_ABSENT;
    return mtasts_lookup_txt_end(lookup, status, now());
}

static mtasts_result fetch_policy(struct blocking_io *io, mtasts_lookup *lookup) {
    struct addresses addresses = {0};
    struct fetch fetch;
    mtasts_str host;

    mtasts_result result = mtasts_lookup_https_host(lookup, &host);
    if (result != MTASTS_OK)
        return result;
    if (needs_addresses(&io->settings)) {
        find_addresses(io, host.data, ns_t_a, &addresses);
        find_addresses(io, host.data, ns_t_aaaa, &addresses);
    }
    result = fetch_begin(&fetch, lookup, &io->settings, &addresses);
    if (result != MTASTS_OK || !fetch.easy)
        return result;
    return fetch_end(&fetch, curl_easy_perform(fetch.easy));
}

/* The same resolver for addresses as for records, without a search list and without /etc/hosts. */
static void find_addresses(struct blocking_io *io, const char *host, int type, struct addresses *addresses) {
    unsigned char answer[NS_MAXMSG];
    size_t octets = type == ns_t_a ? 4 : 16;
    ns_msg message;
    ns_rr record;

    int len = res_nquery(&io->resolver, host, ns_c_in, type, answer, sizeof answer);
    if (len < 0 || (size_t)len > sizeof answer || ns_initparse(answer, len, &message) != 0)
        return;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        if (ns_parserr(&message, ns_s_an, i, &record) == 0 && (int)ns_rr_type(record) == type
            && ns_rr_class(record) == ns_c_in && ns_rr_rdlen(record) == octets)
            add_address(addresses, &io->settings, type == ns_t_a ? AF_INET : AF_INET6, ns_rr_rdata(record));
    }
}
