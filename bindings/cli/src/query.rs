//! `mta-sts query`.

mod ask;
mod help;
mod json;
mod show;
mod verdict;
pub(crate) mod via;

use crate::exit::{Done, Stop};
use mta_sts::{IpNet, NameServer};
use mta_sts_core::{Domain, domain::DomainErrorKind};
use std::{net::IpAddr, path::PathBuf};

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The mail domain: what stands after the @ of an address. U-labels are converted. With --via
    /// the key as Postfix would send it, such as example.com or [mx.example.com]:587.
    #[arg(value_name = "DOMAIN")]
    domain: String,

    /// Ask this running socketmap server what it tells Postfix: ADDRESS:PORT or unix:PATH, either
    /// with :MAP behind it.
    #[arg(long, value_name = "SERVER", conflicts_with_all = ["mx", "probe", "dns", "ca", "allow_net"])]
    via: Option<via::Server>,

    /// The map to ask for.
    #[arg(long, value_name = "NAME", requires = "via", help = "The map to ask for [default: postfix]")]
    map: Option<String>,

    /// Judge this MX host instead of those in DNS. May be given several times.
    #[arg(long = "mx", value_name = "HOST")]
    mx: Vec<String>,

    /// Connect to each MX host and check STARTTLS and the certificate. No mail is sent.
    #[arg(long)]
    probe: bool,

    /// Ask this recursive name server, not the system's: ADDRESS, ADDRESS:PORT, tls://ADDRESS#NAME
    /// or https://ADDRESS/PATH#NAME. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<NameServer>,

    /// Trust the CA certificates in this PEM file too.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The port of the policy host.
    #[arg(long, value_name = "PORT", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    https_port: u16,

    /// The port of the MX hosts.
    #[arg(long, value_name = "PORT", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    smtp_port: u16,

    /// Connect to addresses of this net too, though they are not global, such as 10.0.0.0/8. May
    /// be given several times.
    #[arg(long, value_name = "NET", value_parser = net)]
    allow_net: Vec<IpNet>,

    /// Give up on the policy host, and on each step with an MX host, after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

const AFTER_HELP: &str = "\
Exit codes:
  0   the policy is fine and permits all MX hosts
  1   a risk: it does not permit all of them, or not all work
  2   mail is refused, or MTA-STS is off or broken
  3   it could not be learnt, such as when DNS does not answer
  64  wrong usage
With --via: 0 mail goes out over verified TLS only, 1 over any TLS, 2 the server has no policy to
enforce, or says what Postfix cannot read, 3 the server could not tell.

Examples:
  mta-sts query example.com
  mta-sts query --probe example.com
  mta-sts query --mx new-mx.example.com example.com
  mta-sts query --dns 127.0.0.1:5353 --ca lab.pem --https-port 8443 --allow-net 127.0.0.0/8 enforce.test
  mta-sts query --json example.com | jq .decision
  mta-sts query --via 127.0.0.1:8461:postfix example.com
  mta-sts query --via unix:/run/mta-sts/postfix.sock --map QUERYwithTLSRPT example.com";

/// A net, or an address for the net that holds it alone.
fn net(text: &str) -> Result<IpNet, &'static str> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| "not a net such as 10.0.0.0/8 or 2001:db8::/32")
}

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    if let Some(server) = &args.via {
        return via::run(server, args.map.as_deref(), &args.domain, json);
    }
    let domain = Domain::from_unicode(&args.domain).map_err(|error| {
        let given = crate::output::escape::text(&args.domain);
        let hint = match error.kind {
            DomainErrorKind::BadOctet if given.contains('@') => "; give what stands after the @",
            _ => "",
        };
        Stop::usage(format!("\"{given}\" is not a mail domain: {error}{hint}"))
    })?;
    let picture = ask::ask(&domain, args)?;
    let exit = verdict::exit(&picture);
    Ok(if json {
        Done::json(&json::of(&picture, exit), exit)
    } else {
        Done { text: show::text(&picture, &args.domain), exit }
    })
}
