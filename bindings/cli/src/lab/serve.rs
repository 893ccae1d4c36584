//! `mta-sts lab --serve`: the servers stay up for other programs.

use super::{Args, scenario::Scenario};
use crate::{
    exit::{Done, Exit, Stop},
    output,
};
use mta_sts_lab::Lab;
use serde_json::json;
use std::{
    convert::Infallible,
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

/// The world keeps a thousand mails between two looks.
const MAIL_LOG_EVERY: Duration = Duration::from_millis(50);

/// Sets every domain up as its scenario begins, says how to reach the servers, and waits.
pub(crate) async fn until_interrupted(
    lab: &Lab,
    scenarios: &[Scenario],
    args: &Args,
    json: bool,
) -> Result<Done, Stop> {
    let ca_out = args.ca_out.as_deref();
    for scenario in scenarios {
        scenario.steps[0].apply(lab.world(), &scenario.domain);
    }
    if let Some(path) = ca_out {
        fs::write(path, lab.ca_pem()).map_err(|e| Stop::unknown(format!("cannot write {}: {e}", path.display())))?;
    }
    let text = if json { as_json(lab, scenarios) } else { in_words(lab, scenarios, ca_out) };
    let interrupted = tokio::signal::ctrl_c();
    let mails = async {
        match &args.mail_log {
            Some(path) => log_mails(lab, path).await,
            None => std::future::pending().await,
        }
    };
    output::print(&text, Exit::Fine);
    tokio::select! {
        ended = interrupted => ended.map_err(|e| Stop::unknown(format!("cannot wait for an interrupt: {e}")))?,
        Err(stop) = mails => return Err(stop),
    }
    Ok(Done { text: String::new(), exit: Exit::Fine })
}

/// Appends what the MX hosts accept to a file, until it cannot be written.
async fn log_mails(lab: &Lab, path: &Path) -> Result<Infallible, Stop> {
    let fails = |e: io::Error| Stop::unknown(format!("cannot write {}: {e}", path.display()));
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(fails)?;
    loop {
        for mail in lab.world().take_mails() {
            let line = json!({ "host": mail.host, "tls": mail.tls, "sni": mail.sni, "from": mail.from,
                "to": mail.to, "data": String::from_utf8_lossy(&mail.data) });
            file.write_all(format!("{line}\n").as_bytes()).map_err(fails)?;
        }
        tokio::time::sleep(MAIL_LOG_EVERY).await;
    }
}

fn as_json(lab: &Lab, scenarios: &[Scenario]) -> String {
    let domain = |scenario: &Scenario| {
        let expected = &scenario.steps[0].expected;
        json!({ "domain": scenario.domain, "what": scenario.what, "decision": expected.decision,
            "failure": expected.failure, "delivery": expected.delivery })
    };
    let domains: Vec<_> = scenarios.iter().map(domain).collect();
    let served = json!({ "dns": lab.dns_addr(), "https_port": lab.https_port(), "smtp_port": lab.smtp_port(),
        "ca_pem": lab.ca_pem(), "domains": domains });
    format!("{served}\n")
}

fn in_words(lab: &Lab, scenarios: &[Scenario], ca_out: Option<&Path>) -> String {
    let width = scenarios.iter().map(|scenario| scenario.domain.len()).max().unwrap_or_default();
    let mut text = String::new();
    // Writing to a String cannot fail.
    for scenario in scenarios {
        let _ = writeln!(text, "{:width$}  {}", scenario.domain, scenario.what);
        let _ = writeln!(text, "{:width$}  {}", "", scenario.steps[0].expected);
    }
    let ca = ca_out.map_or("ca.pem".to_owned(), |path| path.display().to_string());
    let _ = write!(
        text,
        "\nThe lab is up until it is interrupted (Ctrl-C).\n  \
         name server   {dns} (UDP and TCP)\n  \
         policy hosts  port {https}\n  \
         MX hosts      port {smtp}, each on an address of its own in 127.77.0.0/16\n\n\
         Point a resolver at it:\n  \
         mta-sts query enforce.test --dns {dns} --ca {ca} --https-port {https} --smtp-port {smtp} --allow-net 127.0.0.0/8 --probe\n  \
         dig @{ip} -p {port} TXT _mta-sts.enforce.test\n",
        dns = lab.dns_addr(),
        https = lab.https_port(),
        smtp = lab.smtp_port(),
        ip = lab.dns_addr().ip(),
        port = lab.dns_addr().port(),
    );
    if ca_out.is_none() {
        let _ = write!(text, "\nThe CA (--ca-out FILE writes it to a file):\n{}", lab.ca_pem());
    }
    text
}
