/*
 * The dispatcher keeps relays to MTA-STS policies (RFC 8461).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * An answer belongs to a relay, and so do its connections.  Mail that comes
 * when there is nothing left to send, or when the answer is some seconds old,
 * gets a new relay, which asks anew.  If the answer is the same, the mail goes
 * to the old one and its connections; else that ends with what it has.
 */

#include "includes.h"

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>
#include <sys/socket.h>

#include <event.h>
#include <imsg.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <tls.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#if defined(HAVE_VIS_H) && !defined(BROKEN_STRNVIS)
#include <vis.h>
#else
#include "bsd-vis.h"
#endif

#include "smtpd.h"
#include "log.h"
#include "mta_sts.h"
#include "ssl.h"

/* Seconds for which an answer is good for mail that comes while other mail waits. */
#define ANSWER_TTL	10

struct mta_sts {
	const struct mta_sts_conf	*conf;
	enum mta_sts_mode		 mode;
	char				 reason[MTA_STS_REASON];
	char				 failstr[LINE_MAX];
	time_t				 answered;
	int				 detached;	/* not in the tree of relays */
	struct mta_relay		*previous;
	struct dict			 permitted;	/* MX hosts, by the policy */
	struct dict			 failed;	/* MX hosts without verified TLS */
};

static X509_STORE *load_cas(const char *, size_t);
static const char *tls_fault(struct tls *, const char *, X509_STORE *);
static const char *chain_fault(X509 *, STACK_OF(X509) *, X509_STORE *);
static const char *mode_name(enum mta_sts_mode);
static const char *domain_of(const struct mta_relay *);
static const char *printable(const char *);

/* Before chroot(2): afterwards no CA file is to be had. */
void
mta_sts_setup(struct mta_sts_conf *conf, const char *action, struct ca *ca)
{
	uint8_t	*pem;
	size_t	 len;

	conf->action = action;
	if (ca != NULL) {
		conf->cas = load_cas(ca->ca_cert, ca->ca_cert_len);
		return;
	}
	if ((pem = tls_load_file(tls_default_ca_cert_file(), &len, NULL)) == NULL)
		fatal("mta-sts: %s", tls_default_ca_cert_file());
	conf->cas = load_cas((const char *)pem, len);
	tls_unload_file(pem, len);
}

static X509_STORE *
load_cas(const char *pem, size_t len)
{
	STACK_OF(X509_INFO)	*infos = NULL;
	X509_INFO		*info;
	X509_STORE		*store;
	BIO			*bio;
	int			 i;

	if ((store = X509_STORE_new()) == NULL || len > INT_MAX ||
	    (bio = BIO_new_mem_buf(pem, (int)len)) == NULL ||
	    (infos = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL)) == NULL)
		fatalx("mta-sts: the CA certificates cannot be read");
	for (i = 0; i < sk_X509_INFO_num(infos); i++) {
		info = sk_X509_INFO_value(infos, i);
		if (info->x509 != NULL)
			(void)X509_STORE_add_cert(store, info->x509);
	}
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	BIO_free(bio);
	ERR_clear_error();
	return (store);
}

struct mta_sts *
mta_sts_new(const struct mta_sts_conf *conf)
{
	struct mta_sts	*sts;

	if (conf == NULL)
		return (NULL);
	sts = xcalloc(1, sizeof *sts);
	sts->conf = conf;
	dict_init(&sts->permitted);
	dict_init(&sts->failed);
	return (sts);
}

void
mta_sts_free(struct mta_sts *sts)
{
	if (sts == NULL)
		return;
	while (dict_poproot(&sts->permitted, NULL))
		;
	while (dict_poproot(&sts->failed, NULL))
		;
	free(sts);
}

/* Once the MX hosts are known. */
int
mta_sts_must_ask(const struct mta_relay *relay)
{
	return (relay->sts != NULL && relay->sts->mode == MTA_STS_UNKNOWN &&
	    relay->domain->lastmxquery != 0 &&
	    !(relay->status & (RELAY_WAIT_MX | RELAY_WAIT_STS)));
}

void
mta_sts_ask(const struct mta_relay *relay)
{
	struct mta_mx	*mx;
	struct dict	 names;

	m_create(p_lka, IMSG_MTA_STS, 0, 0, -1);
	m_add_id(p_lka, relay->id);
	m_add_string(p_lka, relay->sts->conf->action);
	m_add_string(p_lka, relay->domain->name);
	m_close(p_lka);

	/* A host is there once for each of its addresses. */
	dict_init(&names);
	TAILQ_FOREACH(mx, &relay->domain->mxs, entry) {
		if (dict_set(&names, mx->mxname, mx) != NULL)
			continue;
		m_create(p_lka, IMSG_MTA_STS_MX, 0, 0, -1);
		m_add_id(p_lka, relay->id);
		m_add_string(p_lka, mx->mxname);
		m_close(p_lka);
	}
	while (dict_poproot(&names, NULL))
		;

	m_create(p_lka, IMSG_MTA_STS_END, 0, 0, -1);
	m_add_id(p_lka, relay->id);
	m_close(p_lka);
}

void
mta_sts_on_mx(struct mta_relay *relay, const char *name)
{
	dict_set(&relay->sts->permitted, name, NULL);
}

void
mta_sts_on_answer(struct mta_relay *relay, int mode, const char *reason)
{
	struct mta_sts	*sts = relay->sts;

	(void)strlcpy(sts->reason, printable(reason), sizeof sts->reason);
	sts->answered = time(NULL);

	switch (mode) {
	case MTA_STS_NONE:
	case MTA_STS_TESTING:
	case MTA_STS_ENFORCE:
		sts->mode = mode;
		log_info("smtp-out: mta-sts domain=%s mode=%s reason=%s",
		    domain_of(relay), mode_name(mode), sts->reason);
		return;
	}

	if (mode == MTA_STS_UNAVAILABLE && sts->conf->fail_open) {
		sts->mode = MTA_STS_NONE;
		log_warnx("warn: mta-sts domain=%s mode=unavailable fail-open "
		    "reason=\"%s\"", domain_of(relay), sts->reason);
		return;
	}
	sts->mode = MTA_STS_UNAVAILABLE;
	log_warnx("warn: mta-sts domain=%s mode=unavailable reason=\"%s\"",
	    domain_of(relay), sts->reason);
	(void)snprintf(sts->failstr, sizeof sts->failstr,
	    "MTA-STS policy unavailable: %s", sts->reason);
	relay->fail = IMSG_MTA_DELIVERY_TEMPFAIL;
	relay->failstr = sts->failstr;
}

/* True if the relay is not for mail that comes now. */
int
mta_sts_detach(struct mta_relay *relay)
{
	struct mta_sts	*sts = relay->sts;

	if (sts == NULL || sts->mode == MTA_STS_UNKNOWN)
		return (0);
	/* A clock that was set back counts as time that went by. */
	if (relay->ntask != 0 && time(NULL) >= sts->answered &&
	    time(NULL) - sts->answered < ANSWER_TTL)
		return (0);
	sts->detached = 1;
	return (1);
}

int
mta_sts_detached(const struct mta_relay *relay)
{
	return (relay->sts != NULL && relay->sts->detached);
}

/* True if the relay has connections that may be of use to the one that takes its place. */
int
mta_sts_follow(struct mta_relay *relay, struct mta_relay *old)
{
	if (old->nconn_ready == 0 || old->fail)
		return (0);
	relay->sts->previous = old;
	return (1);
}

/* Hands it out, once. */
struct mta_relay *
mta_sts_previous(struct mta_relay *relay)
{
	struct mta_relay	*old;

	if (relay->sts == NULL)
		return (NULL);
	old = relay->sts->previous;
	relay->sts->previous = NULL;
	return (old);
}

/*
 * True if the old relay takes its place again: its connections were made under
 * the same answer.
 */
int
mta_sts_rejoin(struct mta_relay *relay, struct mta_relay *old)
{
	struct mta_sts	*a = relay->sts, *b = old->sts;
	const char	*name;
	void		*iter = NULL;

	if (relay->fail || old->fail || old->nconn_ready == 0 ||
	    a->mode != b->mode || dict_count(&b->failed) != 0 ||
	    dict_count(&a->permitted) != dict_count(&b->permitted))
		return (0);
	while (dict_iter(&a->permitted, &iter, &name, NULL)) {
		if (!dict_check(&b->permitted, name))
			return (0);
	}
	a->detached = 1;
	b->detached = 0;
	b->answered = a->answered;
	return (1);
}

const char *
mta_sts_to_text(const struct mta_relay *relay)
{
	return (relay->sts != NULL ? mode_name(relay->sts->mode) : NULL);
}

/* As if the host could not be reached (RFC 8461 section 5). */
int
mta_sts_skips(const struct mta_relay *relay, const struct mta_mx *mx)
{
	const struct mta_sts	*sts = relay->sts;

	if (sts == NULL || sts->mode == MTA_STS_NONE || sts->mode == MTA_STS_TESTING)
		return (0);
	return (sts->mode != MTA_STS_ENFORCE ||
	    !dict_check((struct dict *)&sts->permitted, mx->mxname) ||
	    dict_check((struct dict *)&sts->failed, mx->mxname));
}

/* Anything but an answer that says otherwise needs verified TLS. */
int
mta_sts_enforced(const struct mta_relay *relay)
{
	return (relay->sts != NULL && relay->sts->mode != MTA_STS_NONE &&
	    relay->sts->mode != MTA_STS_TESTING);
}

struct tls_config *
mta_sts_tls_config(const struct mta_relay *relay)
{
	return (relay->sts->conf->tls_config);
}

/*
 * The gate: nothing is sent in a session for which this was not true.  Under
 * "enforce" libtls has verified chain, time and name already; but it takes
 * the subject's common name where there is no DNS-ID, which RFC 8461 section
 * 4.1 does not.
 */
int
mta_sts_may_send(const struct mta_relay *relay, uint64_t session, const char *mx,
    struct tls *tls)
{
	const struct mta_sts	*sts = relay->sts;
	const char		*fault, *result = "verified";
	int			 enforced = mta_sts_enforced(relay);

	if (sts == NULL || sts->mode == MTA_STS_NONE)
		return (1);

	if (!dict_check((struct dict *)&sts->permitted, mx))
		fault = "MX host not in the policy";
	else if (tls == NULL)
		fault = "no TLS";
	else
		fault = tls_fault(tls, mx, enforced ? NULL : sts->conf->cas);
	if (fault != NULL)
		result = enforced ? "refused" : "would-be-refused";

	log_info("%016"PRIx64" mta mta-sts=%s domain=%s host=%s result=%s%s%s%s",
	    session, mode_name(sts->mode), domain_of(relay), printable(mx), result,
	    fault ? " reason=\"" : "", fault ? fault : "", fault ? "\"" : "");
	return (!enforced || fault == NULL);
}

/* A session ended before the host was verified, or because it could not be. */
void
mta_sts_refused(struct mta_relay *relay, struct mta_route *route, uint64_t session,
    const char *mx)
{
	log_info("%016"PRIx64" mta mta-sts=%s domain=%s host=%s result=refused "
	    "reason=\"no verified TLS\"", session, mode_name(relay->sts->mode),
	    domain_of(relay), printable(mx));

	/* Not again for this relay: the next MX host has its turn. */
	dict_set(&relay->sts->failed, mx, NULL);
	/*
	 * The network was not at fault: other domains may use the route, which
	 * would be disabled for all if it were still on trial.
	 */
	route->flags &= ~ROUTE_NEW;
}

/* What is wrong with the server's certificate; the chain is looked at if there are CAs. */
static const char *
tls_fault(struct tls *tls, const char *host, X509_STORE *cas)
{
	STACK_OF(X509)	*chain;
	X509		*leaf = NULL, *cert;
	BIO		*bio = NULL;
	const uint8_t	*pem;
	const char	*fault = NULL;
	size_t		 len;

	if ((pem = tls_peer_cert_chain_pem(tls, &len)) == NULL || len > INT_MAX)
		return ("no certificate");
	if ((chain = sk_X509_new_null()) == NULL ||
	    (bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		fault = "no memory";
	while (fault == NULL &&
	    (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (leaf == NULL)
			leaf = cert;
		else if (!sk_X509_push(chain, cert)) {
			X509_free(cert);
			fault = "no memory";
		}
	}

	if (fault == NULL && leaf == NULL)
		fault = "no certificate";
	if (fault == NULL && cas != NULL)
		fault = chain_fault(leaf, chain, cas);
	if (fault == NULL && X509_check_host(leaf, host, strlen(host),
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1)
		fault = "certificate for another name";

	X509_free(leaf);
	sk_X509_pop_free(chain, X509_free);
	BIO_free(bio);
	ERR_clear_error();
	return (fault);
}

static const char *
chain_fault(X509 *leaf, STACK_OF(X509) *chain, X509_STORE *cas)
{
	X509_STORE_CTX	*ctx;
	const char	*fault = NULL;

	if ((ctx = X509_STORE_CTX_new()) == NULL ||
	    !X509_STORE_CTX_init(ctx, cas, leaf, chain) ||
	    !X509_STORE_CTX_set_default(ctx, "ssl_server"))
		fault = "no memory";
	else if (X509_verify_cert(ctx) != 1)
		fault = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
	X509_STORE_CTX_free(ctx);
	return (fault);
}

static const char *
mode_name(enum mta_sts_mode mode)
{
	switch (mode) {
	case MTA_STS_NONE:
		return ("none");
	case MTA_STS_TESTING:
		return ("testing");
	case MTA_STS_ENFORCE:
		return ("enforce");
	case MTA_STS_UNAVAILABLE:
		return ("unavailable");
	default:
		return ("unasked");
	}
}

/* In one spelling, so that a log can be searched for it. */
static const char *
domain_of(const struct mta_relay *relay)
{
	static char	 buf[HOST_NAME_MAX+1];

	return (lowercase(buf, relay->domain->name, sizeof buf) ? buf :
	    relay->domain->name);
}

/* Names and texts that came over a wire, for a log line. */
static const char *
printable(const char *s)
{
	static char	 buf[MTA_STS_REASON];

	(void)strnvis(buf, s, sizeof buf, VIS_CSTYLE | VIS_NL | VIS_TAB | VIS_DQ);
	return (buf);
}
