//! The command `mta-sts`, run as a program for each case.

use super::{Face, build::build};
use crate::vectors::{Octets, Rrset, Scenario};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The program, reached by its arguments, standard input and output.
#[derive(Debug)]
pub struct CliFace {
    program: PathBuf,
}

impl CliFace {
    /// Builds the program in the profile that this one was built in.
    ///
    /// # Errors
    /// If it cannot be built.
    pub fn build() -> Result<Self, String> {
        let built = build("mta-sts-cli")?;
        let program = built.iter().find_map(|message| message["executable"].as_str());
        Ok(Self { program: program.ok_or("cargo built no program")?.into() })
    }

    /// Runs the program, and gives the JSON that it prints.
    fn run(&self, args: &[&str], input: &[u8]) -> Value {
        let run = || -> Result<Value, String> {
            let mut child = Command::new(&self.program)
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|e| e.to_string())?;
            // Small enough for the pipe, or read to its end before anything is printed.
            child.stdin.take().map(|mut stdin| stdin.write_all(input)).transpose().map_err(|e| e.to_string())?;
            let output = child.wait_with_output().map_err(|e| e.to_string())?;
            let said = String::from_utf8_lossy(&output.stderr);
            serde_json::from_slice(&output.stdout).map_err(|e| format!("no JSON ({e}); {}: {said}", output.status))
        };
        run().unwrap_or_else(|error| json!({ "error": error }))
    }
}

impl Face for CliFace {
    fn policy(&mut self, body: &[u8]) -> Value {
        let got = self.run(&["lint", "--json", "-"], body);
        let Some(valid) = got["valid"].as_bool() else { return got };
        let mx = if valid { got["policy"]["mx"].clone() } else { json!([]) };
        json!({ "ok": valid, "mode": got["policy"]["mode"], "max_age": got["policy"]["max_age"], "mx": mx })
    }

    fn txt(&mut self, rrset: &Rrset) -> Value {
        let got = self.run(&["lint", "--txt", "--json", "-"], &presentation(rrset));
        let Some(valid) = got["valid"].as_bool() else { return got };
        json!({ "ok": valid, "id": got["record"]["id"] })
    }

    fn mx(&mut self, pattern: &str, host: &str) -> Value {
        let got = if pattern.contains('\0') || host.contains('\0') {
            // No argument of a program holds a NUL.
            self.run(&["match", "--json", "--pairs", "-"], format!("{pattern}\t{host}\n").as_bytes())
        } else {
            self.run(&["match", "--json", "--", pattern, host], b"")
        };
        match got["results"][0]["match"].as_bool() {
            Some(matches) => json!({ "match": matches }),
            None => got,
        }
    }

    fn tlsrpt(&mut self, rrset: &Rrset) -> Value {
        let got = self.run(&["lint", "--tlsrpt", "--json", "-"], &presentation(rrset));
        let Some(valid) = got["valid"].as_bool() else { return got };
        json!({ "ok": valid, "usable": got["rua"] })
    }

    fn report(&mut self, bytes: &[u8]) -> Option<Value> {
        let got = self.run(&["report", "--json", "-"], bytes);
        let Some(valid) = got["valid"].as_bool() else { return Some(got) };
        let report = &got["report"];
        let policies = report["policies"].as_array().map(Vec::as_slice).unwrap_or_default();
        let sum = |key: &str| policies.iter().filter_map(|policy| policy[key].as_u64()).sum::<u64>();
        let details: Vec<&Value> = policies.iter().filter_map(|p| p["failure_details"].as_array()).flatten().collect();
        let first = policies.first().unwrap_or(&Value::Null);
        Some(json!({ "ok": valid, "fields": {
            "organization_name": report["organization_name"],
            "contact_info": report["contact_info"],
            "start": report["start"],
            "end": report["end"],
            "policies": policies.len(),
            "success": sum("successful_sessions"),
            "failure": sum("failed_sessions"),
            "failure_details": details.len(),
            "policy_type": first["policy_type"],
            "policy_domain": first["policy_domain"],
            "mx_host": first["mx_host"],
            "result_types": details.iter().map(|details| details["result_type"].clone()).collect::<Vec<_>>(),
        } }))
    }

    /// The command has parsers and the matcher, and no lookup machine of its own.
    fn scenario(&mut self, _scenario: &Scenario, _needs: &[String]) -> Option<Value> {
        None
    }
}

/// The RRset as zone files and `dig` write it, one record a line.
fn presentation(rrset: &Rrset) -> Vec<u8> {
    let mut text = Vec::new();
    for record in rrset {
        for string in record.iter().map(Octets::bytes).chain(record.is_empty().then(Vec::new)) {
            text.push(b'"');
            for octet in string {
                match octet {
                    b'"' | b'\\' => text.extend([b'\\', octet]),
                    b' '..=b'~' => text.push(octet),
                    _ => text.extend(format!("\\{octet:03}").bytes()),
                }
            }
            text.extend(b"\" ");
        }
        text.push(b'\n');
    }
    text
}
