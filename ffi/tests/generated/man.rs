//! The manual pages, in mdoc(7): what the header says, with an introduction and the example in `man/`.

#[path = "man/mdoc.rs"]
mod mdoc;

use super::header;
use mdoc::{literal, prose};
use std::{collections::BTreeSet, env, fs, path::Path};

/// When the interface last changed. Written by hand, so that nothing changes by itself.
const DATE: &str = "November 22, 2026";

struct Page {
    name: &'static str,
    purpose: &'static str,
    /// What the names of its functions, types and macros begin with. The longest such word decides.
    owns: &'static [&'static str],
    introduction: &'static str,
}

const PAGES: &[Page] = &[
    Page {
        name: "mtasts",
        purpose: "MTA-STS (RFC 8461) for mail servers",
        owns: &["mtasts_answer", "mtasts_result", "mtasts_str"],
        introduction: "The library reads policies and TXT records, matches MX hosts, and decides what to do with mail \
            for a domain. It does no IO: a lookup says what it wants, TXT records or an HTTPS response, and the mail \
            server gets that by its own means. Or the mail server asks a daemon that does all of this, with an \
            mtasts_client.",
    },
    Page {
        name: "mtasts_client",
        purpose: "ask the MTA-STS daemon what is decided for a domain",
        owns: &["mtasts_client", "mtasts_events", "mtasts_ruling"],
        introduction: "A client asks mta-sts serve over its local socket. The daemon does the lookups and keeps the \
            policies; the mail server needs neither DNS nor HTTPS for that. A question never takes longer than its \
            deadline, is never printed about and raises no signal. That there is no answer is never the answer that \
            there is no policy.",
    },
    Page {
        name: "mtasts_config",
        purpose: "limits of MTA-STS lookups",
        owns: &["mtasts_config", "mtasts_option"],
        introduction: "The defaults are those of RFC 8461, and most programs need nothing else. \
            Others hand their settings to mtasts_lookup_new().",
    },
    Page {
        name: "mtasts_domain",
        purpose: "names of policy domains",
        owns: &["mtasts_domain", "mtasts_name_problem"],
        introduction: "A policy domain is what stands behind the last @ of a recipient, or the next hop. Names that \
            are not in ASCII are given as A-labels.",
    },
    Page {
        name: "mtasts_entry",
        purpose: "what a cache of MTA-STS policies holds",
        owns: &["mtasts_entry"],
        introduction: "A mail server keeps one entry for each policy domain, under the name that \
            mtasts_domain_normalize() makes of it, and across restarts: a policy that is not remembered protects \
            nobody.",
    },
    Page {
        name: "mtasts_lookup",
        purpose: "look up the MTA-STS policy of a domain",
        owns: &["mtasts_lookup", "mtasts_want", "mtasts_intent", "mtasts_txt_status"],
        introduction: "A lookup is asked what it wants and given the answer, until it wants nothing. \
            mtasts_lookup_decision() then says what to do with the mail.",
    },
    Page {
        name: "mtasts_outcome",
        purpose: "what an MTA-STS lookup came to",
        owns: &[
            "mtasts_cache",
            "mtasts_decision",
            "mtasts_failure",
            "mtasts_lookup_alert",
            "mtasts_lookup_apply",
            "mtasts_lookup_cache",
            "mtasts_lookup_confirms_bounce",
            "mtasts_lookup_decision",
            "mtasts_lookup_failure",
            "mtasts_lookup_next_check",
            "mtasts_lookup_policy",
            "mtasts_lookup_tlsrpt_result",
        ],
        introduction: "The decision is what the delivery needs. The rest is for the cache, the log, TLSRPT and the \
            administrator.",
    },
    Page {
        name: "mtasts_pattern",
        purpose: "match MX hosts against an MX pattern",
        owns: &["mtasts_pattern"],
        introduction: "A pattern is a host name, or \"*.\" and a domain: the asterisk stands for exactly one label.",
    },
    Page {
        name: "mtasts_policy",
        purpose: "read and use MTA-STS policies",
        owns: &["mtasts_policy", "mtasts_mode"],
        introduction: "A policy never changes once it was read, and outlives the lookup or the entry that it came \
            from.",
    },
    Page {
        name: "mtasts_problems",
        purpose: "say what is wrong with an MTA-STS policy",
        owns: &["mtasts_problem"],
        introduction: "For those who publish a policy. To deliver mail, mtasts_policy_parse() is enough.",
    },
    Page {
        name: "mtasts_tlsrpt",
        purpose: "read TLSRPT records (RFC 8460)",
        owns: &["mtasts_tlsrpt", "mtasts_txt_tlsrpt"],
        introduction: "The record says where a domain wants reports on TLS failures to be sent.",
    },
    Page {
        name: "mtasts_txt",
        purpose: "read the TXT records of MTA-STS",
        owns: &["mtasts_txt", "mtasts_record_problem"],
        introduction: "A lookup is handed its records by mtasts_lookup_txt_record() and the like. These functions are \
            for mtasts_tlsrpt_parse() and for tools.",
    },
    Page {
        name: "mtasts_version",
        purpose: "version of libmtasts",
        owns: &["mtasts_version", "mtasts_abi"],
        introduction: "The macros are those of the header that a program was compiled with, the functions those of \
            the library that it runs with. A program should compare them when it starts.",
    },
];

const STANDARDS: &[(&str, &str)] =
    &[("RFC 8460", "SMTP TLS Reporting"), ("RFC 8461", "SMTP MTA Strict Transport Security (MTA-STS)")];

/// What the header declares, and its comment.
struct Item {
    comment: String,
    code: String,
    /// Of a code.
    type_name: Option<String>,
}

impl Item {
    fn all(header: &str) -> Vec<Self> {
        let mut items: Vec<Self> = header.split("\n/**").skip(1).map(Self::parse).collect();
        let mut type_name = None;
        for item in &mut items {
            match item.code.starts_with("#define ") {
                // The codes of a type stand below it.
                true => item.type_name = type_name.clone(),
                false => type_name = Some(item.name().to_owned()).filter(|_| item.is_number()),
            }
        }
        items
    }

    fn parse(text: &str) -> Self {
        let (comment, code) = text.split_once("*/\n").unwrap();
        let code = code.split("\n\n").next().unwrap().trim_end();
        Self { comment: uncommented(comment), code: code.to_owned(), type_name: None }
    }

    fn name(&self) -> &str {
        let declared = match self.code.strip_prefix("#define ") {
            Some(definition) => definition.split(' ').next().unwrap(),
            None if self.code.starts_with("typedef ") => self.code.trim_end_matches(';'),
            None => self.code.split('(').next().unwrap(),
        };
        last_word(declared)
    }

    fn page(&self) -> &'static Page {
        owner(self.type_name.as_deref().unwrap_or(self.name())).unwrap()
    }

    /// The type of its result, and its parameters.
    fn function(&self) -> Option<(&str, Vec<&str>)> {
        let (declared, parameters) = self.code.strip_suffix(");")?.split_once('(')?;
        let result = declared.strip_suffix(self.name())?.trim_end();
        Some((result, parameters.split(',').map(str::trim).collect()))
    }

    fn is_macro(&self) -> bool {
        self.code.starts_with("#define ") && self.type_name.is_none()
    }

    fn is_opaque(&self) -> bool {
        self.code.starts_with("typedef struct mtasts_")
    }

    fn is_struct(&self) -> bool {
        self.code.starts_with("typedef struct {")
    }

    fn is_number(&self) -> bool {
        self.code.starts_with("typedef ") && !self.is_opaque() && !self.is_struct()
    }
}

/// The text of a comment, without what makes it one.
fn uncommented(comment: &str) -> String {
    let lines = comment.trim().lines().map(|line| line.trim_start().trim_start_matches(['/', '*']));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()).collect::<Vec<_>>().join("\n")
}

fn last_word(text: &str) -> &str {
    text.rsplit([' ', '*']).next().unwrap()
}

fn owner(name: &str) -> Option<&'static Page> {
    let name = name.to_lowercase();
    let prefixes = PAGES.iter().flat_map(|page| page.owns.iter().map(move |prefix| (prefix, page)));
    let owners = prefixes.filter(|(prefix, _)| name.starts_with(**prefix));
    owners.max_by_key(|(prefix, _)| prefix.len()).map(|(_, page)| page)
}

/// The names of the files, and what they hold.
pub(crate) fn pages() -> Vec<(String, String)> {
    let header = header::render();
    let items = Item::all(&header);
    PAGES.iter().map(|page| (format!("{}.3", page.name), render(page, &header, &items))).collect()
}

fn render(page: &Page, header: &str, all: &[Item]) -> String {
    let mut items: Vec<&Item> = all.iter().filter(|item| item.page().name == page.name).collect();
    // The functions that name a code come last.
    items.sort_by_key(|item| item.code.ends_with(" code);"));
    let functions = || items.iter().filter(|item| item.function().is_some());
    let overview = page.name == "mtasts";

    let mut names: Vec<&str> = functions().map(|item| item.name()).collect();
    names.sort_unstable();
    if overview {
        names.insert(0, page.name);
    }
    let mut out = format!(
        ".\\\" Made from mtasts.h by tests/generated.rs; do not edit.\n.Dd {DATE}\n.Dt {} 3\n.Os \"mtasts {}\"\n.Sh NAME\n.Nm {}\n.Nd {}\n.Sh SYNOPSIS\n.In mtasts.h\n",
        page.name.to_uppercase(),
        env!("CARGO_PKG_VERSION"),
        names.join(" ,\n.Nm "),
        page.purpose
    );
    if overview {
        let command = literal("cc -o program program.c $(pkg-config --cflags --libs mtasts)");
        out += &format!(".Bd -literal\n{command}.Ed\n");
    }
    out += &functions().map(|item| prototype(item)).collect::<String>();

    out += &format!(".Sh DESCRIPTION\n{}", prose(page.introduction));
    if overview {
        out += &format!("{}.Ss Pages\n{}", conventions(header), contents());
    }
    out += ".Bl -tag -width Ds\n";
    for item in items.iter().filter(|item| item.is_opaque()) {
        out += &format!(".It Vt {}\n{}", item.name(), prose(&item.comment));
    }
    for item in functions() {
        let (_, parameters) = item.function().unwrap();
        let names = parameters.iter().map(|parameter| last_word(parameter)).filter(|name| *name != "void");
        let names: String = names.map(|name| format!(" {name}")).collect();
        out += &format!(".It Fn {}{names}\n{}", item.name(), prose(&item.comment));
    }
    for item in items.iter().filter(|item| item.is_macro()) {
        out += &format!(".It Dv {}\n{}", item.name(), prose(&item.comment));
    }
    out += ".El\n";
    out += &items.iter().filter(|item| item.is_struct()).map(|item| fields(item)).collect::<String>();
    for item in items.iter().filter(|item| item.is_number() && item.name() != "mtasts_result") {
        out += &format!(".Ss Numbers of {}\n{}{}", item.name(), prose(&item.comment), codes(&items, item.name()));
    }

    out += &return_values(&items, all);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/generated/man/{}.c", page.name));
    out += &format!(".Sh EXAMPLES\n.Bd -literal\n{}.Ed\n", literal(&fs::read_to_string(example).unwrap()));
    out + &see_also(page, &items, all) + &standards(overview, &items)
}

fn prototype(item: &Item) -> String {
    let (result, parameters) = item.function().unwrap();
    let parameters: String = parameters.iter().map(|parameter| format!(".Fa \"{parameter}\"\n")).collect();
    format!(".Ft {result}\n.Fo {}\n{parameters}.Fc\n", item.name())
}

/// The comment at the top of the header.
fn conventions(header: &str) -> String {
    let text = uncommented(header.split_once("*/").unwrap().0);
    let mut out = String::new();
    for paragraph in text.split("\n\n").skip(1) {
        if !paragraph.starts_with("1. ") {
            out += &format!(".Pp\n{}", prose(paragraph));
            continue;
        }
        let joined = paragraph.replace("\n   ", " ");
        let points = joined.lines().map(|line| {
            let point = line.split_once(". ").unwrap().1;
            let (title, rest) = point.split_once(". ").filter(|(title, _)| title.len() < 20).unwrap_or(("", point));
            format!(".It\n{}{}", if title.is_empty() { String::new() } else { format!(".Em {title} .\n") }, prose(rest))
        });
        out += &format!(".Bl -enum\n{}.El\n", points.collect::<String>());
    }
    out
}

/// One line on each of the other pages.
fn contents() -> String {
    let others = PAGES.iter().filter(|page| page.name != "mtasts");
    let lines = others.map(|page| format!(".It Xr {} 3\n{}\n", page.name, page.purpose));
    format!(
        ".Bl -tag -width \"mtasts_problems(3)\" -compact\n{}.El\n.Ss Functions and types of this page\n",
        lines.collect::<String>()
    )
}

/// The members of a struct, each with its comment.
fn fields(item: &Item) -> String {
    let members = item.code.split("    /**").skip(1).map(|member| {
        let (comment, rest) = member.split_once("*/\n").unwrap();
        let declared = rest.lines().next().unwrap().trim().trim_end_matches(';');
        format!(".It Fa \"{declared}\"\n{}", prose(&uncommented(comment)))
    });
    let members: String = members.collect();
    format!(".Ss Members of {}\n{}.Bl -tag -width Ds -compact\n{members}.El\n", item.name(), prose(&item.comment))
}

fn codes(items: &[&Item], of: &str) -> String {
    let codes = items.iter().filter(|item| item.type_name.as_deref() == Some(of));
    let list = codes.map(|item| {
        let number = last_word(&item.code).trim_matches(['(', ')']).replace('-', "\\-");
        format!(".It Dv {} Pq {number}\n{}", item.name(), prose(&item.comment))
    });
    format!(".Bl -tag -width Ds -compact\n{}.El\n", list.collect::<String>())
}

/// The errors that the comments name, and those that the parameters bring with them.
fn return_values(items: &[&Item], all: &[Item]) -> String {
    let results = items.iter().filter(|item| item.function().is_some_and(|(result, _)| result == "mtasts_result"));
    let results: Vec<_> = results.collect();
    if let Some(result) = items.iter().find(|item| item.name() == "mtasts_result") {
        return format!(".Sh RETURN VALUES\n{}{}", prose(&result.comment), codes(items, result.name()));
    } else if results.is_empty() {
        return String::new();
    }
    let takes = |parameters: &[&str]| results.iter().any(|item| parameters.iter().any(|it| item.code.contains(it)));
    let may = |error: &str| match error {
        "MTASTS_E_NULL" | "MTASTS_E_PANIC" => true,
        "MTASTS_E_DOMAIN" => takes(&["const char *name"]),
        "MTASTS_E_SPACE" => takes(&["size_t cap"]),
        "MTASTS_E_TIME" => takes(&["int64_t now", "int64_t fetched_at"]),
        _ => false,
    };
    let named = |error: &str| results.iter().any(|item| identifiers(&item.comment).any(|word| word == error));
    let errors =
        all.iter().filter(|item| item.name().starts_with("MTASTS_E_") && (may(item.name()) || named(item.name())));
    let list: String = errors.map(|item| format!(".It Dv {}\n{}", item.name(), prose(&item.comment))).collect();
    format!(
        ".Sh RETURN VALUES\nA function of the type\n.Vt mtasts_result\nreturns\n.Dv MTASTS_OK ,\nor one of these; all are in\n.Xr mtasts 3 .\n.Bl -tag -width Ds -compact\n{list}.El\n"
    )
}

/// The pages of the functions and types that are spoken of.
fn see_also(page: &Page, items: &[&Item], all: &[Item]) -> String {
    let text: String = items.iter().map(|item| format!("{}\n{}\n", item.comment, item.code)).collect();
    let text = text + page.introduction;
    let words: BTreeSet<&str> = identifiers(&text).collect();
    let spoken_of = all.iter().filter(|item| words.contains(item.name()));
    let mut others: BTreeSet<_> = spoken_of.map(|item| item.page().name).collect();
    if page.name == "mtasts" {
        others.extend(PAGES.iter().map(|page| page.name));
    }
    others.insert("mtasts");
    others.remove(page.name);
    let list: Vec<_> = others.into_iter().map(|name| format!(".Xr {name} 3")).collect();
    format!(".Sh SEE ALSO\n{}\n", list.join(" ,\n"))
}

fn standards(overview: bool, items: &[&Item]) -> String {
    let named = |rfc: &str| overview || items.iter().any(|item| item.comment.replace('\n', " ").contains(rfc));
    let list = STANDARDS.iter().filter(|(rfc, _)| named(rfc));
    let list: String = list.map(|(rfc, title)| format!(".Rs\n.%T {title}\n.%R {rfc}\n.Re\n")).collect();
    if list.is_empty() { list } else { format!(".Sh STANDARDS\n{list}") }
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.len() > 1)
}
