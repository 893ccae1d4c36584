//! `mta-sts lab --serve`: the servers stay up for other programs.

use super::scenario::Scenario;
use crate::{
    exit::{Done, Exit, Stop},
    output,
};
use mta_sts_lab::Lab;
use serde_json::json;
use std::{fmt::Write as _, fs, path::Path};

/// Sets every domain up as its scenario begins, says how to reach the servers, and waits.
pub(crate) async fn until_interrupted(
    lab: &Lab,
    scenarios: &[Scenario],
    ca_out: Option<&Path>,
    json: bool,
) -> Result<Done, Stop> {
    for scenario in scenarios {
        scenario.steps[0].apply(lab.world(), &scenario.domain);
    }
    if let Some(path) = ca_out {
        fs::write(path, lab.ca_pem()).map_err(|e| Stop::unknown(format!("cannot write {}: {e}", path.display())))?;
    }
    let text = if json { as_json(lab, scenarios) } else { in_words(lab, scenarios, ca_out) };
    output::print(&text, Exit::Fine);
    tokio::signal::ctrl_c().await.map_err(|e| Stop::unknown(format!("cannot wait for an interrupt: {e}")))?;
    Ok(Done { text: String::new(), exit: Exit::Fine })
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
