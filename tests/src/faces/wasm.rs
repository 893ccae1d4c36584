//! The npm package `mta-sts` under Node.

use super::Face;
use crate::{
    scenario::machine::{self, Ended, Result, Txt, Want, play},
    vectors::{Octets, Rrset, Scenario, Sender},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use mta_sts_core::{FetchError, Intent};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    rc::Rc,
};

/// The package, reached by what it exports.
#[derive(Debug)]
pub struct WasmFace {
    node: Node,
}

impl WasmFace {
    /// Starts Node with the package, which must have been built.
    ///
    /// # Errors
    /// If it was not built, or Node cannot be started.
    pub fn start() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace has no folder")?;
        let package = root.join("wasm/npm");
        if !package.join("wasm/mta_sts_bg.wasm").exists() {
            return Err(format!("the package is not built; run: npm ci && npm run build (in {})", package.display()));
        }
        Ok(Self { node: Node::start(&package)? })
    }
}

impl Face for WasmFace {
    fn policy(&mut self, body: &[u8]) -> Value {
        self.node.outcome(&json!({ "kind": "policy", "body_b64": STANDARD.encode(body) }))
    }

    fn txt(&mut self, rrset: &Rrset) -> Value {
        self.node.outcome(&json!({ "kind": "txt", "records": records(rrset) }))
    }

    fn mx(&mut self, pattern: &str, host: &str) -> Value {
        self.node.outcome(&json!({ "kind": "mx", "pattern": pattern, "host": host }))
    }

    fn tlsrpt(&mut self, rrset: &Rrset) -> Value {
        self.node.outcome(&json!({ "kind": "tlsrpt", "records": records(rrset) }))
    }

    fn report(&mut self, bytes: &[u8]) -> Option<Value> {
        Some(self.node.outcome(&json!({ "kind": "report", "b64": STANDARD.encode(bytes) })))
    }

    fn scenario(&mut self, scenario: &Scenario, needs: &[String]) -> Option<Value> {
        (needs == ["core"]).then(|| play(&self.node, scenario))
    }
}

/// A process of Node that answers a line for each line.
#[derive(Clone, Debug)]
struct Node(Rc<RefCell<Process>>);

#[derive(Debug)]
struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Node {
    fn start(package: &PathBuf) -> Result<Self> {
        let mut child = Command::new("node")
            .arg("test/conformance.mjs")
            .current_dir(package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("node cannot be started ({e}); install the package \"nodejs\""))?;
        let requests = child.stdin.take();
        let answers = child.stdout.take().ok_or("node has no output")?;
        Ok(Self(Rc::new(RefCell::new(Process { child, requests, answers: BufReader::new(answers) }))))
    }

    /// The answer; what the package throws is an error.
    fn ask(&self, request: &Value) -> Result<Value> {
        let mut process = self.0.borrow_mut();
        let requests = process.requests.as_mut().ok_or("node has no input")?;
        writeln!(requests, "{request}").and_then(|()| requests.flush()).map_err(|e| format!("node: {e}"))?;
        let mut line = String::new();
        process.answers.read_line(&mut line).map_err(|e| format!("node: {e}"))?;
        let answer: Value = serde_json::from_str(&line).map_err(|e| format!("node ended or wrote no JSON: {e}"))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }

    fn outcome(&self, request: &Value) -> Value {
        self.ask(request).unwrap_or_else(|error| json!({ "error": error }))
    }

    /// The answer to an operation of a lookup.
    fn lookup(&self, op: &str, mut request: Value) -> Result<Value> {
        request["kind"] = json!("lookup");
        request["op"] = json!(op);
        self.ask(&request)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Without input it ends by itself.
        self.requests = None;
        let _ = self.child.wait();
    }
}

impl machine::Machine for Node {
    type Entry = Vec<u8>;
    type Lookup = Looking;

    fn domain(&self, name: &str) -> Result<Option<String>> {
        Ok(text(&self.lookup("domain", json!({ "name": name }))?["domain"]))
    }

    fn import(&self, domain: &str, id: &str, body: &[u8], fetched_at: u64, checked_at: u64) -> Result<Vec<u8>> {
        let known = json!({ "domain": domain, "id": id, "body_b64": STANDARD.encode(body),
            "fetched_at": fetched_at, "checked_at": checked_at });
        octets(&self.lookup("import", known)?["entry"])?.ok_or_else(|| "the entry was not imported".to_owned())
    }

    fn encode(&self, entry: &Vec<u8>) -> Vec<u8> {
        entry.clone()
    }

    fn decode(&self, stored: &[u8], domain: &str) -> Result<Option<Vec<u8>>> {
        let inspected = self.inspect(stored, domain)?;
        Ok((inspected["ok"] == true).then(|| stored.to_vec()))
    }

    fn held(&self, entry: &Vec<u8>, domain: &str) -> Result<Option<Vec<u8>>> {
        octets(&self.inspect(entry, domain)?["body_b64"])
    }

    fn look_up(
        &self,
        domain: &str,
        cached: Option<&Vec<u8>>,
        intent: Intent,
        sender: Sender,
        now: u64,
    ) -> Result<Looking> {
        let intent = match intent {
            Intent::Deliver => "deliver",
            Intent::BeforeBounce => "before-bounce",
            Intent::Refresh => "refresh",
            _ => return Err(format!("the package has no word for {intent:?}")),
        };
        let config = json!({ "recheck_after": sender.recheck_after, "backoff": sender.backoff,
            "max_body": sender.max_body });
        let request = json!({ "domain": domain, "entry": cached.map(|entry| STANDARD.encode(entry)),
            "intent": intent, "config": config, "now": now });
        let lookup = self.lookup("start", request)?["lookup"].clone();
        Ok(Looking { node: self.clone(), lookup })
    }
}

impl Node {
    fn inspect(&self, entry: &[u8], domain: &str) -> Result<Value> {
        // Only whether it is alive depends on the time, and that is not asked here.
        self.lookup("inspect", json!({ "entry": STANDARD.encode(entry), "domain": domain, "now": 0 }))
    }
}

/// A lookup of the package.
#[derive(Debug)]
struct Looking {
    node: Node,
    lookup: Value,
}

impl Looking {
    fn tell(&self, op: &str, mut request: Value) -> Result<Value> {
        request["lookup"] = self.lookup.clone();
        self.node.lookup(op, request)
    }

    fn more(&self, op: &str, request: Value) -> Result<bool> {
        self.tell(op, request)?["more"].as_bool().ok_or_else(|| format!("{op} does not say whether more is wanted"))
    }
}

impl machine::Lookup<Vec<u8>> for Looking {
    fn want(&self) -> Result<Want> {
        let want = self.tell("want", json!({}))?;
        Ok(match (want["want"].as_str(), text(&want["name"]), text(&want["url"])) {
            (Some("txt"), Some(name), None) => Want::Txt(name),
            (Some("https"), None, Some(url)) => Want::Https(url),
            (Some("nothing"), None, None) => Want::Nothing,
            _ => return Err(format!("the lookup wants {want}")),
        })
    }

    fn txt(&mut self, answer: Txt<'_>) -> Result<()> {
        match answer {
            Txt::Records(rrset) => self.tell("txt", json!({ "records": records(rrset) })),
            Txt::Absent => self.tell("txt_absent", json!({})),
            Txt::TempFail => self.tell("txt_tempfail", json!({})),
        }
        .map(drop)
    }

    fn https_head(&mut self, status: u16, fields: &[(&str, &str)]) -> Result<bool> {
        self.more("head", json!({ "status": status, "fields": fields }))
    }

    fn https_body(&mut self, piece: &[u8]) -> Result<bool> {
        self.more("body", json!({ "b64": STANDARD.encode(piece) }))
    }

    fn https_end(&mut self) -> Result<()> {
        self.tell("end", json!({})).map(drop)
    }

    fn https_failed(&mut self, why: FetchError) -> Result<()> {
        self.tell("failed", json!({ "reason": why.as_str() })).map(drop)
    }

    fn end(self, current: Option<Vec<u8>>) -> Result<Ended<Vec<u8>>> {
        let ended = self.tell("outcome", json!({}))?;
        let outcome = &ended["outcome"];
        if outcome.is_null() {
            return Err("the lookup has no outcome".to_owned());
        }
        let current = current.map(|entry| STANDARD.encode(entry));
        let entry = octets(&self.tell("apply", json!({ "current": current }))?["entry"])?;
        self.tell("free", json!({}))?;
        Ok(Ended {
            applied: octets(&ended["applied"])?,
            entry,
            result_type: text(&outcome["tlsrptResult"]),
            alert: !outcome["alert"].is_null(),
            confirms_bounce: outcome["confirmsBounce"] == true,
            failure: text(&outcome["failure"]["message"]),
        })
    }
}

fn records(rrset: &Rrset) -> Vec<Vec<String>> {
    let encoded = |string: &Octets| STANDARD.encode(string.bytes());
    rrset.iter().map(|record| record.iter().map(encoded).collect()).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn octets(value: &Value) -> Result<Option<Vec<u8>>> {
    value.as_str().map(|base64| STANDARD.decode(base64).map_err(|e| format!("no base64: {e}"))).transpose()
}
