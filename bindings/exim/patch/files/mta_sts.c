/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/

/* MTA-STS (RFC 8461) for the smtp transport.
SPDX-License-Identifier: MIT OR Apache-2.0 */

#include "exim.h"

#ifdef SUPPORT_MTASTS
#include <mtasts.h>
#include "transports/smtp.h"

/* What the daemon said of one domain.  A transport run tries several hosts and
comes here for each; the answer is kept so that it asks, and waits, once. */

static struct {
  const address_item *	addrlist;	/* the run that asked; NULL if none has */
  const uschar *	domain;
  mtasts_intent		intent;
  time_t		until;

  mtasts_decision	decision;	/* UNKNOWN if unavailable */
  mtasts_ruling *	ruling;
  const uschar *	problem;	/* why it is unavailable; else NULL */
  BOOL			no_answer;	/* and that is why */
} held;

#define HELD_FOR	60		/* seconds */

static BOOL not_connected = FALSE;
static BOOL passed_over = FALSE;

#define LOGGABLE(s)	string_printing(s)



/*************************************************
*            Set up a transport                  *
*************************************************/

void
mta_sts_init(transport_instance * tblock)
{
smtp_transport_options_block * ob = STS_DRIVER(tblock).options_block;

if (!ob->mta_sts && !ob->expand_mta_sts) return;

/* Recipients of two domains have two policies, so they cannot share a
connection, nor the reason why it was refused. */

tblock->multi_domain = FALSE;
tblock->expand_multi_domain = NULL;

if (ob->mta_sts_timeout <= 0)
  STS_CONFIG_DIE("mta_sts_timeout is zero for %s transport",
    STS_DRIVER(tblock).name);
}



/*************************************************
*          Ask for the policy of a domain        *
*************************************************/

static void
unavailable(const char * format, const uschar * detail)
{
held.decision = MTASTS_DECISION_UNKNOWN;
held.no_answer = FALSE;
held.problem = string_copy_perm(string_sprintf(format, LOGGABLE(detail)), FALSE);
}


/* A message for which the last try has come is asked about afresh, before it
is returned to its sender (RFC 8461 section 5.1). */

static mtasts_intent
choose_intent(const smtp_context * sx)
{
const retry_config * retry;
const retry_rule * rule;

if (sx->verify) return MTASTS_INTENT_DELIVER;

if (  !(retry = retry_find_config(sx->conn_args.host->name,
		  sx->first_addr->domain, 0, 0))
   || !(rule = retry->rules))
  return MTASTS_INTENT_BEFORE_BOUNCE;	/* No rule: a failure is final */

while (rule->next) rule = rule->next;
return time(NULL) - received_time.tv_sec > rule->timeout
  ? MTASTS_INTENT_BEFORE_BOUNCE : MTASTS_INTENT_DELIVER;
}


/* Blocks for mta_sts_timeout at most.  The connection is not kept: processes
here are short-lived, and forked. */

static void
ask(const uschar * domain, mtasts_intent intent,
  const smtp_transport_options_block * ob)
{
mtasts_client * client = NULL;
mtasts_result rc;
mtasts_str why;
const uschar * path;

mtasts_ruling_free(held.ruling);
held.ruling = NULL;
held.problem = NULL;
held.no_answer = FALSE;

if (!(path = expand_string(ob->mta_sts_socket)))
  { unavailable("failed to expand mta_sts_socket: %.256s", expand_string_message); return; }
if (is_tainted(path))
  { unavailable("tainted mta_sts_socket \"%.256s\"", path); return; }

rc = mtasts_client_new(CCS path, Ustrlen(path), &client);
if (rc == MTASTS_OK)
  rc = mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE,
    (uint64_t)ob->mta_sts_timeout * 1000);
if (rc == MTASTS_OK && ob->mta_sts_peer_user_set)
  rc = mtasts_client_set(client, MTASTS_CLIENT_OPTION_PEER_UID,
    (uint64_t)ob->mta_sts_peer_user);
if (rc == MTASTS_OK)
  rc = mtasts_client_ask(client, CCS domain, Ustrlen(domain), intent, &held.ruling);
if (rc == MTASTS_OK)
  rc = mtasts_ruling_decision(held.ruling, &held.decision);

switch (rc)
  {
  case MTASTS_OK:
    break;
  case MTASTS_E_DOMAIN:		/* an address literal, a local name: no policy can be */
    if (ob->mta_sts_domain)
      { unavailable("mta_sts_domain is no domain: \"%.256s\"", domain); break; }
    held.decision = MTASTS_DECISION_NO_POLICY;
    break;
  case MTASTS_E_UNAVAILABLE:
  case MTASTS_E_WAIT:		/* an answer: fail_open does not change it */
    if (mtasts_client_problem(client, &why) == MTASTS_OK)
      {
      unavailable("%.256s", CUS why.data);
      held.no_answer = rc == MTASTS_E_UNAVAILABLE;
      break;
      }
    /* Fall through */
  default:
    unavailable("libmtasts: %.256s", CUS mtasts_result_name(rc).data);
  }

mtasts_client_free(client);
}


/* The domain whose policy it is: that of the recipient, or what the
administrator has for the next hop.  NULL if it cannot be told. */

static const uschar *
policy_domain(const smtp_context * sx, const smtp_transport_options_block * ob)
{
const uschar * domain = sx->first_addr->domain;

if (ob->mta_sts_domain)
  {
  if (!(domain = expand_string(ob->mta_sts_domain)))
    {
    unavailable("failed to expand mta_sts_domain: %.256s", expand_string_message);
    return NULL;
    }
  }
else if (!sx->verify)
  for (const address_item * a = sx->addrlist; a; a = a->next)
    if (a->transport_return == PENDING_DEFER && strcmpic(a->domain, domain) != 0)
      {
      unavailable("recipients of several domains, one is %.256s", a->domain);
      return NULL;
      }

#ifdef SUPPORT_I18N
  {
  uschar * error = NULL;
  domain = string_domain_utf8_to_alabel(domain, &error);
  if (error)
    { unavailable("domain not convertible: %.256s", error); return NULL; }
  }
#endif

for (const uschar * s = domain; *s; s++)
  if (*s & 0x80)
    { unavailable("%.256s is not in ASCII", domain); return NULL; }
return domain;
}


static void
learn(const smtp_context * sx, const smtp_transport_options_block * ob)
{
mtasts_intent intent = choose_intent(sx);
const uschar * domain = policy_domain(sx, ob);

if (!domain)
  { held.addrlist = NULL; return; }

if (  held.addrlist == sx->addrlist && held.intent == intent
   && time(NULL) <= held.until && strcmpic(held.domain, domain) == 0)
  return;

ask(domain, intent, ob);

STS_DEBUG debug_printf("MTA-STS: %s: decision %u%s%s\n", domain,
  (unsigned)held.decision, held.problem ? " " : "",
  held.problem ? held.problem : US"");

held.addrlist = sx->addrlist;
held.domain = string_copy_perm(domain, FALSE);
held.intent = intent;
held.until = time(NULL) + HELD_FOR;
}



/*************************************************
*                 Say no                         *
*************************************************/

static void
fail_event(const smtp_context * sx, uschar * result)
{
#ifndef DISABLE_EVENT
(void) event_raise(sx->conn_args.tblock->event_action, US"sts:fail", result, NULL);
#endif
}


/* What enforcing would have refused */

static void
log_testing(const smtp_context * sx, const char * what)
{
const host_item * host = sx->conn_args.host;
STS_LOG("H=%s [%s] MTA-STS testing: fails the policy of %s: %s",
  LOGGABLE(host->name), host->address, LOGGABLE(sx->first_addr->domain), what);
}


/* The addresses in hand are deferred.  The caller's caller makes that a matter
of the message: the host may serve other domains well. */

static int
refuse(smtp_context * sx, int code, uschar * message)
{
for (address_item * a = sx->addrlist; a; a = a->next)
  if (a->transport_return >= PENDING)
    {
    a->basic_errno = code;
    a->message = message;
    a->transport_return = DEFER;
    }
sx->sts_refused = not_connected = TRUE;
passed_over = sx->sts_ruled;
return DEFER;
}


/* A connection that was made for another message, perhaps of another domain,
was not checked against this policy. */

static void
drop_passed_connection(void)
{
STS_DEBUG debug_printf("MTA-STS: not using the passed connection\n");

if (cutthrough.cctx.sock >= 0)
  cancel_cutthrough_connection(TRUE, US"MTA-STS policy");
else
  {
  smtp_debug_cmd(US"QUIT", 0);
  (void) !write(0, "QUIT\r\n", 6);
  (void) close(0);
  tls_out.active.sock = -1;
  }
/* Nor is it for the next addresses of this message, even if no other is made. */
continue_transport = continue_hostname = continue_proxy_cipher = NULL;
f.continue_more = FALSE;
continue_sequence = 1;
}



/*************************************************
*          Before there is a connection          *
*************************************************/

/* Learn what the policy of the domain is. */

int
mta_sts_begin(smtp_context * sx)
{
const smtp_transport_options_block * ob = sx->conn_args.ob;
transport_instance * tblock = sx->conn_args.tblock;
BOOL wanted;

tls_out.sts_verified = FALSE;
sx->conn_args.sts = sx->sts_ruled = sx->sts_refused = not_connected = passed_over = FALSE;

if (exp_bool(sx->addrlist, US"transport", STS_DRIVER(tblock).name, 0,
      US"mta_sts", ob->mta_sts, ob->expand_mta_sts, &wanted) != OK)
  {
  if (continue_hostname) drop_passed_connection();
  return refuse(sx, ERRNO_EXPANDFAIL, sx->addrlist->message);
  }
if (!wanted) return OK;

learn(sx, ob);

switch (held.decision)
  {
  case MTASTS_DECISION_NO_POLICY:
  case MTASTS_DECISION_DANE:		/* and that is Exim's own to do */
    return OK;

  case MTASTS_DECISION_TESTING:
  case MTASTS_DECISION_ENFORCE:
  case MTASTS_DECISION_DANE_ONLY:
    if (STS_TURNED_AROUND)
      return refuse(sx, ERRNO_TLSREQUIRED, string_sprintf("MTA-STS: the policy"
	" of %s is for its MX hosts, not for ATRN", sx->first_addr->domain));
    if (continue_hostname) drop_passed_connection();
    sx->sts_ruled = TRUE;
    return OK;

  /* "Unavailable" is not "no policy" (RFC 8461 section 10.2) */

  default:
    if (!held.problem) held.problem = US"the daemon's decision is not known here";
    if (ob->mta_sts_fail_open && held.no_answer)
      {
      STS_LOG("MTA-STS policy of %s unavailable, delivering"
	" without: %s", LOGGABLE(sx->first_addr->domain), held.problem);
      return OK;
      }
    if (continue_hostname) drop_passed_connection();
    return refuse(sx, ERRNO_DNSDEFER,
      string_sprintf("MTA-STS policy of %s unavailable: %s",
	sx->first_addr->domain, held.problem));
  }
}


const uschar *
mta_sts_host_name(const host_item * host)
{
const uschar * name = host->certname ? host->certname : host->name;
#ifdef SUPPORT_I18N
const uschar * alabel = string_domain_utf8_to_alabel(name, NULL);
if (alabel) name = alabel;	/* else no policy has it, and no certificate */
#endif
return name;
}


/* DANE has been looked up, and goes first (RFC 8461 section 2).  Records that
our TLS library does not use leave the host without DANE. */

static BOOL
dane_decides(const smtp_connect_args * conn_args)
{
#ifdef SUPPORT_DANE
const dns_answer * dnsa = STS_TLSA(conn_args);
dns_scan dnss;

if (conn_args->dane)
  for (dns_record * rr = dns_next_rr(dnsa, &dnss, RESET_ANSWERS); rr;
       rr = dns_next_rr(dnsa, &dnss, RESET_NEXT))
    if (rr->type == T_TLSA && rr->size > 3)
      {
      uschar usage = rr->data[0], selector = rr->data[1], type = rr->data[2];

      if ((usage == 2 || usage == 3) && selector <= 1)
	switch (type)
	  {
# ifndef USE_GNUTLS
	  case 0: return TRUE;
# endif
	  case 1: if (rr->size == 3 + 256/8) return TRUE; break;
	  case 2: if (rr->size == 3 + 512/8) return TRUE; break;
	  }
      }
#endif
return FALSE;
}


/* Is this host one of those that mail for the domain may go to? */

int
mta_sts_check_host(smtp_context * sx)
{
const uschar * name = mta_sts_host_name(sx->conn_args.host);
mtasts_answer permitted = MTASTS_UNKNOWN;

if (!sx->sts_ruled || dane_decides(&sx->conn_args)) return OK;

if (held.decision == MTASTS_DECISION_DANE_ONLY)
  {
  fail_event(sx, US"dane-required");
  return refuse(sx, ERRNO_TLSREQUIRED,
    string_sprintf("MTA-STS enforce: %s has DANE, and %s has no usable TLSA"
      " record, or none was looked up (dnssec_request_domains, hosts_try_dane)",
      sx->first_addr->domain, name));
  }

(void) mtasts_ruling_permits_mx(held.ruling, CCS name, Ustrlen(name), &permitted);
if (permitted != MTASTS_YES)
  {
  fail_event(sx, US"validation-failure");
  if (held.decision == MTASTS_DECISION_ENFORCE)
    return refuse(sx, ERRNO_TLSREQUIRED,
      string_sprintf("MTA-STS enforce: %s is not in the policy of %s", name,
	sx->first_addr->domain));
  log_testing(sx, "it is not in the policy");
  }

sx->conn_args.sts = held.decision == MTASTS_DECISION_ENFORCE;
#ifdef SUPPORT_DANE
if (sx->conn_args.sts && !sx->dane_required) sx->conn_args.dane = FALSE;
#endif
return OK;
}



/*************************************************
*          When there is a connection            *
*************************************************/

/* The TLS library was told to verify, and this does not rely on it: for
whatever reason it did not, there is no session.  The name must be among the
DNS names of the certificate; its CN does not count (RFC 8461 section 4.1). */

BOOL
mta_sts_check_session(smtp_context * sx, uschar ** errstr)
{
if (!sx->conn_args.sts) return TRUE;

#ifdef SUPPORT_DANE
if (sx->conn_args.dane)
  {
  *errstr = US"DANE is required, and there is no usable TLSA record";
  return FALSE;
  }
#endif
if (!tls_out.certificate_verified || !tls_out.peercert)
  {
  *errstr = US"the certificate was not verified";
  return FALSE;
  }
if (!mta_sts_has_dns_name(tls_out.peercert))
  {
  *errstr = US"the certificate has no DNS name";
  return FALSE;
  }

tls_out.sts_verified = TRUE;
return TRUE;
}


/* Whatever way led here: what is enforced has been checked on this connection */

BOOL
mta_sts_satisfied(const smtp_context * sx)
{
return !sx->conn_args.sts || tls_out.sts_verified;
}


BOOL
mta_sts_failed(smtp_context * sx)
{
const host_item * host = sx->conn_args.host;
const address_item * addr;

/* Some addresses may have been dealt with by an earlier host */

for (addr = sx->addrlist; addr; addr = addr->next)
  if (  addr->transport_return == DEFER
     && (  sx->sts_refused
	|| addr->basic_errno == ERRNO_TLSFAILURE
	|| addr->basic_errno == ERRNO_TLSREQUIRED))
    break;
if (!addr || !(sx->sts_refused || sx->conn_args.sts)) return FALSE;

if (!sx->sts_refused)
  {
  const uschar * plain = addr->message;

  fail_event(sx, smtp_peer_options & OPTION_TLS
    ? US"validation-failure" : US"starttls-not-supported");
  for (address_item * a = sx->addrlist; a; a = a->next)
    if (a->message && a->message == plain)
      a->message = string_sprintf("MTA-STS enforce: %s", plain);
  }

STS_LOG("H=%s [%s] %s", LOGGABLE(host->name), host->address,
  addr->message ? LOGGABLE(addr->message) : US"MTA-STS");
return TRUE;
}


void
mta_sts_testing(smtp_context * sx)
{
const char * what;

if (  !sx->sts_ruled || held.decision != MTASTS_DECISION_TESTING
   || (tls_out.active.sock >= 0 && tls_out.certificate_verified))
  return;
#ifdef SUPPORT_DANE
if (sx->conn_args.dane) return;
#endif

if (tls_out.active.sock >= 0)
  {
  fail_event(sx, US"validation-failure");
  what = "the certificate was not verified";
  }
else
  {
  fail_event(sx, smtp_peer_options & OPTION_TLS
    ? US"validation-failure" : US"starttls-not-supported");
  what = "there is no TLS session";
  }
log_testing(sx, what);
}


BOOL
mta_sts_not_connected(void)
{
BOOL yield = not_connected;
not_connected = FALSE;
return yield;
}


BOOL
mta_sts_passed_over(void)
{
BOOL yield = passed_over;
passed_over = FALSE;
return yield;
}


BOOL
mta_sts_may_share(const address_item * first, const address_item * second)
{
const smtp_transport_options_block * ob;

if (Ustrcmp(STS_DRIVER(second->transport).driver_name, "smtp") != 0) return TRUE;
ob = STS_DRIVER(second->transport).options_block;
return (!ob->mta_sts && !ob->expand_mta_sts)
  || strcmpic(first->domain, second->domain) == 0;
}

#endif	/*SUPPORT_MTASTS*/

/* End of mta_sts.c */
