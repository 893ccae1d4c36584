#include "wire.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int64_t now(void) {
    return (int64_t)time(NULL);
}

/* DNS */

mtasts_txt_status take_txt(mtasts_lookup *lookup, const unsigned char *answer, size_t len) {
    mtasts_txt_status status = MTASTS_TXT_ABSENT;
    ns_msg message;
    ns_rr record;

    /* A cut answer does not tell what the domain says; nor does one that cannot be read. */
    if (len > NS_MAXMSG || ns_initparse(answer, (int)len, &message) != 0 || ns_msg_getflag(message, ns_f_tc))
        return MTASTS_TXT_TEMPFAIL;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        if (ns_parserr(&message, ns_s_an, i, &record) != 0)
            return MTASTS_TXT_TEMPFAIL;
        /* The resolver followed CNAMEs; they stand before the records that they lead to. */
        if (ns_rr_type(record) != ns_t_txt || ns_rr_class(record) != ns_c_in)
            continue;
        if (mtasts_lookup_txt_rdata(lookup, ns_rr_rdata(record), ns_rr_rdlen(record)) != MTASTS_OK)
            return MTASTS_TXT_TEMPFAIL;
        status = MTASTS_TXT_RECORDS;
    }
    return status;
}

/* Addresses. Whoever publishes a policy record chooses what this program connects to, and that must not be
 * a machine behind the firewall. */

static bool is_loopback(int family, const unsigned char *a) {
    static const unsigned char ipv6[16] = {[15] = 1};
    return family == AF_INET ? a[0] == 127 : memcmp(a, ipv6, 16) == 0;
}

static bool is_public(int family, const unsigned char *a) {
    if (family == AF_INET6) /* global unicast, without 6to4, which leads to IPv4 */
        return (a[0] & 0xe0) == 0x20 && !(a[0] == 0x20 && a[1] == 0x02);
    return a[0] != 0 && a[0] != 10 && a[0] != 127 && a[0] < 224
        && !(a[0] == 100 && (a[1] & 0xc0) == 64)   /* 100.64.0.0/10, carriers */
        && !(a[0] == 169 && a[1] == 254)           /* 169.254.0.0/16, the link */
        && !(a[0] == 172 && (a[1] & 0xf0) == 16)   /* 172.16.0.0/12 */
        && !(a[0] == 192 && a[1] == 168)           /* 192.168.0.0/16 */
        && !(a[0] == 192 && a[1] == 0 && a[2] == 0) /* 192.0.0.0/24, protocols */
        && !(a[0] == 198 && (a[1] & 0xfe) == 18);  /* 198.18.0.0/15, benchmarks */
}

void add_address(struct addresses *addresses, const struct settings *settings, int family, const void *address) {
    char text[INET6_ADDRSTRLEN];
    size_t used = strlen(addresses->list);

    if (!is_public(family, address) && !(settings->allow_loopback && is_loopback(family, address))) {
        addresses->refused = true;
        return;
    }
    /* The list has room for ten addresses of any kind; who has more can do without them. */
    if (!inet_ntop(family, address, text, sizeof text) || used + strlen(text) + 4 > sizeof addresses->list)
        return;
    snprintf(addresses->list + used, sizeof addresses->list - used, family == AF_INET6 ? "%s[%s]" : "%s%s",
        used ? "," : "", text);
}

bool needs_addresses(const struct settings *settings) {
    return !settings->connect_to || settings->connect_to[0] == ':';
}

/* HTTPS */

static mtasts_result prepare(struct fetch *fetch, const struct settings *settings, const struct addresses *addresses);
static bool set_options(struct fetch *fetch, const struct settings *settings, const char *url);
static bool append(struct curl_slist **list, const char *text);
static size_t on_body(char *data, size_t size, size_t count, void *user);
static bool take_head(struct fetch *fetch);
static void take_fields(struct fetch *fetch);
static bool names_a_host(CURL *easy);
static bool is_complete(CURL *easy);
static mtasts_failure why(CURLcode code, bool head_taken);

static mtasts_result fail(struct fetch *fetch, mtasts_failure failure) {
    fetch->over = true;
    return mtasts_lookup_https_failed(fetch->lookup, failure, now());
}

mtasts_result fetch_begin(struct fetch *fetch, mtasts_lookup *lookup, const struct settings *settings,
    const struct addresses *addresses) {
    memset(fetch, 0, sizeof *fetch);
    fetch->lookup = lookup;
    if (needs_addresses(settings) && addresses->list[0] == '\0')
        return fail(fetch, addresses->refused ? MTASTS_FAILURE_NOT_ALLOWED : MTASTS_FAILURE_DNS);
    return prepare(fetch, settings, addresses);
}

static mtasts_result prepare(struct fetch *fetch, const struct settings *settings, const struct addresses *addresses) {
    mtasts_str url, host;
    char text[1024];
    const char *port = settings->connect_to ? settings->connect_to + 1 : "443";

    mtasts_result result = mtasts_lookup_https_url(fetch->lookup, &url);
    if (result == MTASTS_OK)
        result = mtasts_lookup_https_host(fetch->lookup, &host);
    if (result != MTASTS_OK)
        return result;

    fetch->easy = curl_easy_init();
    bool good = fetch->easy != NULL;
    if (good && settings->connect_to) {
        snprintf(text, sizeof text, "::%s", settings->connect_to);
        good = append(&fetch->connect_to, text);
    }
    if (good && needs_addresses(settings)) {
        /* The addresses are given to libcurl, so that it asks no resolver of its own and starts no thread.
         * With "+" it forgets them after a minute. */
        snprintf(text, sizeof text, "+%s:%s:%s", host.data, port, addresses->list);
        good = append(&fetch->resolve, text);
    }
    if (good && set_options(fetch, settings, url.data))
        return MTASTS_OK;
    fetch_drop(fetch);
    return fail(fetch, MTASTS_FAILURE_NOT_TRIED);
}

static bool append(struct curl_slist **list, const char *text) {
    struct curl_slist *longer = curl_slist_append(*list, text);

    if (longer)
        *list = longer;
    return longer != NULL;
}

/* False if libcurl cannot do one of these: then nothing may be fetched by it. */
static bool set_options(struct fetch *fetch, const struct settings *settings, const char *url) {
    bool good = true;
#define SET(option, value) (good = curl_easy_setopt(fetch->easy, option, value) == CURLE_OK && good)
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* RFC 8461 section 3.3: a redirect is a failure */
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L); /* a resumed session shows no certificate */
    SET(CURLOPT_CERTINFO, 1L);            /* for names_a_host() */
    if (settings->ca) {
        SET(CURLOPT_CAINFO, settings->ca);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_PROXY, ""); /* whatever the environment says */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP_CONTENT_DECODING, 0L); /* the library refuses encoded bodies */
    SET(CURLOPT_TIMEOUT, settings->timeout);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L); /* a host is asked once */
    SET(CURLOPT_CONNECT_TO, fetch->connect_to);
    SET(CURLOPT_RESOLVE, fetch->resolve);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, fetch);
#undef SET
    return good;
}

/* To return another number than that of the octets makes libcurl close the connection. */
static size_t on_body(char *data, size_t size, size_t count, void *user) {
    struct fetch *fetch = user;
    mtasts_answer more = MTASTS_UNKNOWN;

    if (!fetch->head_taken && !take_head(fetch))
        return CURL_WRITEFUNC_ERROR;
    fetch->result =
        mtasts_lookup_https_body(fetch->lookup, (const unsigned char *)data, size * count, now(), &more);
    fetch->over = more != MTASTS_YES;
    return fetch->over ? CURL_WRITEFUNC_ERROR : size * count;
}

/* Hands in the status and the header fields. False if the lookup wants no body. */
static bool take_head(struct fetch *fetch) {
    mtasts_answer more = MTASTS_UNKNOWN;
    long status = 0;

    fetch->head_taken = true;
    if (!names_a_host(fetch->easy)) {
        fetch->result = fail(fetch, MTASTS_FAILURE_CERTIFICATE);
        return false;
    }
    take_fields(fetch);
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    fetch->result = mtasts_lookup_https_head(fetch->lookup, (uint32_t)status, now(), &more);
    fetch->over = more != MTASTS_YES;
    return !fetch->over;
}

/* CURLH_HEADER are the fields of the final response; interim ones (1xx) and trailers have other names. */
static void take_fields(struct fetch *fetch) {
    struct curl_header *field = NULL;

    while ((field = curl_easy_nextheader(fetch->easy, CURLH_HEADER, -1, field))) {
        /* A field that is too large needs no care: the library refuses the head then. */
        mtasts_lookup_https_field(fetch->lookup, field->name, strlen(field->name), field->value,
            strlen(field->value));
    }
}

/* Whether the certificate has a DNS name at all. If it has none, libcurl makes do with the CN, which RFC 8461
 * section 3.3 does not allow. That the name is the right one libcurl has checked. */
static bool names_a_host(CURL *easy) {
    static const char field[] = "X509v3 Subject Alternative Name:";
    struct curl_certinfo *chain = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain || chain->num_of_certs < 1)
        return false;
    for (struct curl_slist *line = chain->certinfo[0]; line; line = line->next) {
        if (strncmp(line->data, field, strlen(field)) == 0 && strstr(line->data, "DNS:"))
            return true;
    }
    return false;
}

mtasts_result fetch_end(struct fetch *fetch, CURLcode code) {
    mtasts_result result = fetch->result;

    if (fetch->easy && code == CURLE_OK && !fetch->head_taken) {
        take_head(fetch); /* a response without a body */
        result = fetch->result;
    }
    if (result == MTASTS_OK && !fetch->over) {
        if (code != CURLE_OK)
            result = fail(fetch, why(code, fetch->head_taken));
        else if (!is_complete(fetch->easy))
            result = fail(fetch, MTASTS_FAILURE_INCOMPLETE);
        else
            result = mtasts_lookup_https_end(fetch->lookup, now());
    }
    fetch_drop(fetch);
    return result;
}

void fetch_drop(struct fetch *fetch) {
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->connect_to);
    curl_slist_free_all(fetch->resolve);
    fetch->easy = NULL;
    fetch->connect_to = fetch->resolve = NULL;
}

/* Whether a body is complete that libcurl calls complete: its length was told, or its last chunk or END_STREAM
 * came. The end of the connection would do too if close_notify came before it; but libcurl (7.88 with OpenSSL 3)
 * takes an end without it for the same, by which anybody on the way can cut a policy. So such bodies are refused. */
static bool is_complete(CURL *easy) {
    long version = 0;
    curl_off_t length = -1;
    struct curl_header *coding = NULL;

    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (version >= CURL_HTTP_VERSION_2_0 || length >= 0)
        return true;
    return curl_easy_header(easy, "Transfer-Encoding", 0, CURLH_HEADER, -1, &coding) == CURLHE_OK
        && strcasecmp(coding->value, "chunked") == 0;
}

static mtasts_failure why(CURLcode code, bool head_taken) {
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return MTASTS_FAILURE_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
        return MTASTS_FAILURE_DNS;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        return MTASTS_FAILURE_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return MTASTS_FAILURE_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_SHUTDOWN_FAILED:
        return MTASTS_FAILURE_TLS;
    case CURLE_PARTIAL_FILE:
        return MTASTS_FAILURE_INCOMPLETE;
    case CURLE_OUT_OF_MEMORY: /* these are faults on this side, for which no domain is made to wait */
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
        return MTASTS_FAILURE_NOT_TRIED;
    default: /* whatever happens to a body leaves it incomplete */
        return head_taken ? MTASTS_FAILURE_INCOMPLETE : MTASTS_FAILURE_HTTP;
    }
}
