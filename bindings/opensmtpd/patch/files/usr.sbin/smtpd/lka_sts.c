/*
 * The lookup process asks the MTA-STS daemon (RFC 8461), by libmtasts.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The dispatcher sends the domain (IMSG_MTA_STS), the names of its MX hosts
 * (IMSG_MTA_STS_MX, one each) and IMSG_MTA_STS_END.  It gets the names that
 * the policy permits and the decision, in the same way: so a policy of any
 * length fits into imsgs, and only this process reads it.  Nothing blocks.
 */

#include "includes.h"

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/tree.h>
#include <sys/socket.h>

#include <event.h>
#include <imsg.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <mtasts.h>

#include "smtpd.h"
#include "log.h"
#include "mta_sts.h"

/* Connections to daemons: at once, and kept open while there is nothing to ask. */
#define MAX_CLIENTS	64
#define MAX_IDLE	4
/* Milliseconds, for a question: to wait for a connection, and for the answer. */
#define DEADLINE	5000

struct sts_mx {
	TAILQ_ENTRY(sts_mx)		 entry;
	char				*name;
};

struct sts_question {
	TAILQ_ENTRY(sts_question)	 entry;
	struct mproc			*asker;
	uint64_t			 id;
	const struct mta_sts_conf	*conf;
	char				*domain;
	TAILQ_HEAD(, sts_mx)		 mxs;
	int64_t				 deadline;
	struct event			 ev;	/* it waits too long for a connection */
};

struct sts_client {
	TAILQ_ENTRY(sts_client)		 entry;
	const struct mta_sts_conf	*conf;
	mtasts_client			*client;
	struct sts_question		*question;
	struct event			 ev;
};

static void question_new(struct mproc *, uint64_t, const char *, const char *);
static void question_ask(struct sts_question *);
static void question_dispatch(struct sts_question *);
static void questions_dispatch(void);
static void question_expired(int, short, void *);
static void question_unavailable(struct sts_question *, const char *);
static void question_answer(struct sts_question *, const mtasts_ruling *);
static void question_end(struct sts_question *, enum mta_sts_mode, const char *);
static void question_free(struct sts_question *);
static enum mta_sts_mode mode_of(const mtasts_ruling *);
static struct sts_client *client_get(const struct mta_sts_conf *);
static struct sts_client *client_new(const struct mta_sts_conf *);
static void client_start(struct sts_client *, struct sts_question *);
static void client_wait(struct sts_client *);
static void client_event(int, short, void *);
static void client_failed(struct sts_client *, mtasts_result);
static void client_done(struct sts_client *, int);
static void client_free(struct sts_client *);
static int64_t now(void);
static struct timeval until(int64_t);

/* Those whose MX hosts are still on the way, by id. */
static struct tree incomplete = SPLAY_INITIALIZER(&incomplete);
static TAILQ_HEAD(, sts_question) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static TAILQ_HEAD(, sts_client) idle = TAILQ_HEAD_INITIALIZER(idle);
static size_t clients, idle_clients;

void
lka_sts_imsg(struct mproc *p, struct imsg *imsg)
{
	struct sts_question	*q;
	struct sts_mx		*mx;
	struct msg		 m;
	const char		*action, *domain, *name;
	uint64_t		 id;

	m_msg(&m, imsg);
	m_get_id(&m, &id);
	switch (imsg->hdr.type) {
	case IMSG_MTA_STS:
		m_get_string(&m, &action);
		m_get_string(&m, &domain);
		m_end(&m);
		question_new(p, id, action, domain);
		break;
	case IMSG_MTA_STS_MX:
		m_get_string(&m, &name);
		m_end(&m);
		q = tree_xget(&incomplete, id);
		mx = xcalloc(1, sizeof *mx);
		mx->name = xstrdup(name);
		TAILQ_INSERT_TAIL(&q->mxs, mx, entry);
		break;
	case IMSG_MTA_STS_END:
		m_end(&m);
		question_ask(tree_xpop(&incomplete, id));
		break;
	default:
		fatalx("lka_sts_imsg: unexpected %s imsg",
		    imsg_to_str(imsg->hdr.type));
	}
}

static void
question_new(struct mproc *p, uint64_t id, const char *action, const char *domain)
{
	struct sts_question	*q;
	struct dispatcher	*dispatcher;

	/* Which socket is for the configuration to say, not for the dispatcher. */
	dispatcher = dict_xget(env->sc_dispatchers, action);

	q = xcalloc(1, sizeof *q);
	q->asker = p;
	q->id = id;
	if (dispatcher->type == DISPATCHER_REMOTE)
		q->conf = dispatcher->u.remote.mta_sts;
	if (q->conf == NULL)
		fatalx("lka_sts: action \"%s\" has no mta-sts", action);
	q->domain = xstrdup(domain);
	TAILQ_INIT(&q->mxs);
	tree_xset(&incomplete, id, q);
}

static void
question_ask(struct sts_question *q)
{
	q->deadline = now() + DEADLINE;
	question_dispatch(q);
}

static void
question_dispatch(struct sts_question *q)
{
	struct sts_client	*c;
	struct timeval		 tv;

	if ((c = client_get(q->conf)) != NULL) {
		client_start(c, q);
		return;
	}
	if (clients < MAX_CLIENTS) {
		question_unavailable(q, "no memory for a connection");
		return;
	}
	TAILQ_INSERT_TAIL(&waiting, q, entry);
	tv = until(q->deadline);
	evtimer_set(&q->ev, question_expired, q);
	evtimer_add(&q->ev, &tv);
}

/* Those that wait, as far as there are connections for them. */
static void
questions_dispatch(void)
{
	struct sts_question	*q;

	while ((idle_clients > 0 || clients < MAX_CLIENTS) &&
	    (q = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, q, entry);
		evtimer_del(&q->ev);
		question_dispatch(q);
	}
}

static void
question_expired(int fd, short event, void *arg)
{
	struct sts_question	*q = arg;

	TAILQ_REMOVE(&waiting, q, entry);
	question_unavailable(q, "too many questions wait for the daemon");
}

static void
question_unavailable(struct sts_question *q, const char *problem)
{
	question_end(q, MTA_STS_UNAVAILABLE, problem);
}

/* Without a ruling there is no policy for such a name: address literals, single labels. */
static void
question_answer(struct sts_question *q, const mtasts_ruling *ruling)
{
	struct sts_mx		*mx;
	mtasts_answer		 permitted;
	mtasts_str		 reason = { "no-domain", 9 };
	enum mta_sts_mode	 mode = MTA_STS_NONE;

	if (ruling != NULL) {
		mode = mode_of(ruling);
		if (mode != MTA_STS_UNKNOWN &&
		    mtasts_ruling_reason(ruling, &reason) != MTASTS_OK)
			mode = MTA_STS_UNKNOWN;
	}
	/* That is an answer, if one that cannot be followed: it is no case for fail-open. */
	if (mode == MTA_STS_UNKNOWN) {
		question_end(q, mode, "the daemon wants what smtpd cannot do, such as DANE");
		return;
	}

	TAILQ_FOREACH(mx, &q->mxs, entry) {
		permitted = MTASTS_UNKNOWN;
		if (mode == MTA_STS_NONE ||
		    mtasts_ruling_permits_mx(ruling, mx->name, strlen(mx->name),
		    &permitted) != MTASTS_OK || permitted != MTASTS_YES)
			continue;
		m_create(q->asker, IMSG_MTA_STS_MX, 0, 0, -1);
		m_add_id(q->asker, q->id);
		m_add_string(q->asker, mx->name);
		m_close(q->asker);
	}

	question_end(q, mode, reason.data);
}

static void
question_end(struct sts_question *q, enum mta_sts_mode mode, const char *reason)
{
	char	text[MTA_STS_REASON];

	(void)strlcpy(text, reason, sizeof text);
	m_create(q->asker, IMSG_MTA_STS_END, 0, 0, -1);
	m_add_id(q->asker, q->id);
	m_add_int(q->asker, mode);
	m_add_string(q->asker, text);
	m_close(q->asker);
	question_free(q);
}

static void
question_free(struct sts_question *q)
{
	struct sts_mx	*mx;

	while ((mx = TAILQ_FIRST(&q->mxs))) {
		TAILQ_REMOVE(&q->mxs, mx, entry);
		free(mx->name);
		free(mx);
	}
	free(q->domain);
	free(q);
}

/*
 * There is no DANE here.  Where the daemon leaves hosts without TLSA records
 * as they are ("dane"), so do we.  Where it permits only hosts with DANE, the
 * policy that is behind that is the next best, and without one nothing is.
 */
static enum mta_sts_mode
mode_of(const mtasts_ruling *ruling)
{
	mtasts_decision	 decision = MTASTS_DECISION_UNKNOWN;
	mtasts_policy	*policy = NULL;

	if (mtasts_ruling_decision(ruling, &decision) != MTASTS_OK)
		return (MTA_STS_UNKNOWN);

	switch (decision) {
	case MTASTS_DECISION_NO_POLICY:
	case MTASTS_DECISION_DANE:
		return (MTA_STS_NONE);
	case MTASTS_DECISION_TESTING:
		return (MTA_STS_TESTING);
	case MTASTS_DECISION_ENFORCE:
		return (MTA_STS_ENFORCE);
	case MTASTS_DECISION_DANE_ONLY:
		if (mtasts_ruling_policy(ruling, &policy) != MTASTS_OK)
			return (MTA_STS_UNKNOWN);
		mtasts_policy_free(policy);
		return (MTA_STS_ENFORCE);
	default:
		return (MTA_STS_UNKNOWN);
	}
}

static struct sts_client *
client_get(const struct mta_sts_conf *conf)
{
	struct sts_client	*c;

	TAILQ_FOREACH(c, &idle, entry) {
		if (c->conf == conf)
			break;
	}
	/* One that another action has left idle makes room. */
	if (c == NULL && clients >= MAX_CLIENTS && (c = TAILQ_FIRST(&idle))) {
		TAILQ_REMOVE(&idle, c, entry);
		idle_clients--;
		client_free(c);
		c = NULL;
	}
	if (c == NULL)
		return (clients < MAX_CLIENTS ? client_new(conf) : NULL);

	TAILQ_REMOVE(&idle, c, entry);
	idle_clients--;
	return (c);
}

static struct sts_client *
client_new(const struct mta_sts_conf *conf)
{
	struct sts_client	*c;

	c = xcalloc(1, sizeof *c);
	c->conf = conf;
	clients++;
	if (mtasts_client_new(conf->socket, strlen(conf->socket), &c->client) != MTASTS_OK ||
	    (conf->has_uid && mtasts_client_set(c->client,
	    MTASTS_CLIENT_OPTION_PEER_UID, conf->uid) != MTASTS_OK)) {
		client_free(c);
		return (NULL);
	}
	return (c);
}

static void
client_start(struct sts_client *c, struct sts_question *q)
{
	mtasts_result	 r;
	int64_t		 left = q->deadline - now();

	c->question = q;
	r = mtasts_client_set(c->client, MTASTS_CLIENT_OPTION_DEADLINE,
	    left > 1 ? left : 1);
	if (r == MTASTS_OK)
		r = mtasts_client_start(c->client, q->domain,
		    strlen(q->domain), MTASTS_INTENT_DELIVER);
	if (r == MTASTS_OK || r == MTASTS_E_AGAIN)
		client_wait(c);
	else if (r == MTASTS_E_DOMAIN) {
		question_answer(q, NULL);
		client_done(c, 1);
	} else
		client_failed(c, r);
}

static void
client_wait(struct sts_client *c)
{
	struct timeval	 tv;
	mtasts_events	 events = 0;
	int64_t		 ms = 0;
	int32_t		 fd = -1;
	short		 wanted = 0;

	/* What cannot be learnt leads to an attempt at once, which says why. */
	(void)mtasts_client_timeout(c->client, &ms);
	tv = until(now() + ms);

	if (mtasts_client_fd(c->client, &fd) == MTASTS_OK &&
	    mtasts_client_events(c->client, &events) == MTASTS_OK) {
		if (events & MTASTS_EVENT_READ)
			wanted |= EV_READ;
		if (events & MTASTS_EVENT_WRITE)
			wanted |= EV_WRITE;
	}
	event_set(&c->ev, wanted ? fd : -1, wanted, client_event, c);
	event_add(&c->ev, &tv);
}

static void
client_event(int fd, short event, void *arg)
{
	struct sts_client	*c = arg;
	struct sts_question	*q = c->question;
	mtasts_ruling		*ruling = NULL;
	mtasts_result		 r;

	r = mtasts_client_continue(c->client, &ruling);
	if (r == MTASTS_E_AGAIN) {
		client_wait(c);
		return;
	}
	if (r == MTASTS_OK) {
		question_answer(q, ruling);
		mtasts_ruling_free(ruling);
		client_done(c, 1);
	} else
		client_failed(c, r);
	questions_dispatch();
}

static void
client_failed(struct sts_client *c, mtasts_result r)
{
	struct sts_question	*q = c->question;
	mtasts_str		 problem;

	if (mtasts_client_problem(c->client, &problem) != MTASTS_OK)
		problem = mtasts_result_name(r);
	/* To be told to wait is an answer: no case for fail-open either. */
	question_end(q, r == MTASTS_E_UNAVAILABLE ? MTA_STS_UNAVAILABLE :
	    MTA_STS_UNKNOWN, problem.data);
	client_done(c, r == MTASTS_E_UNAVAILABLE || r == MTASTS_E_WAIT);
}

/* It is free for the next question. */
static void
client_done(struct sts_client *c, int usable)
{
	c->question = NULL;
	if (usable && idle_clients < MAX_IDLE) {
		TAILQ_INSERT_HEAD(&idle, c, entry);
		idle_clients++;
	} else
		client_free(c);
}

static void
client_free(struct sts_client *c)
{
	mtasts_client_free(c->client);
	free(c);
	clients--;
}

/* Milliseconds of a clock that nobody sets. */
static int64_t
now(void)
{
	struct timespec	ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		fatal("clock_gettime");
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static struct timeval
until(int64_t at)
{
	struct timeval	tv = { 0, 0 };
	int64_t		ms = at - now();

	if (ms > 0) {
		tv.tv_sec = ms / 1000;
		tv.tv_usec = (ms % 1000) * 1000;
	}
	return (tv);
}
