//! The name server, asked in DNS messages.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType as Wire};
use mta_sts_lab::{Address, Answer, Lab, MxHost, PolicyHost, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

fn question(name: &str, kind: Wire) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    message.add_query(Query::query(name, kind));
    message
}

async fn udp_octets(lab: &Lab, octets: &[u8]) -> Option<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(octets, lab.dns_addr()).await.unwrap();
    let mut reply = [0; 65535];
    let length = timeout(Duration::from_millis(400), socket.recv(&mut reply)).await.ok()?.unwrap();
    Some(Message::from_vec(&reply[..length]).unwrap())
}

async fn udp(lab: &Lab, question: &Message) -> Message {
    let reply = udp_octets(lab, &question.to_vec().unwrap()).await.expect("no answer");
    assert_eq!(reply.metadata.id, question.metadata.id);
    assert_eq!(reply.queries, question.queries);
    reply
}

async fn tcp(lab: &Lab, question: &Message) -> Message {
    let mut stream = TcpStream::connect(lab.dns_addr()).await.unwrap();
    let octets = question.to_vec().unwrap();
    stream.write_u16(octets.len() as u16).await.unwrap();
    stream.write_all(&octets).await.unwrap();
    let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut reply).await.unwrap();
    Message::from_vec(&reply).unwrap()
}

async fn ask(lab: &Lab, name: &str, kind: Wire) -> Message {
    udp(lab, &question(name, kind)).await
}

fn data(message: &Message) -> Vec<RData> {
    message.answers.iter().map(|record| record.data.clone()).collect()
}

fn texts(message: &Message) -> Vec<String> {
    data(message).iter().filter(|data| matches!(data, RData::TXT(_))).map(ToString::to_string).collect()
}

#[tokio::test]
async fn records_of_every_type_come_in_order_and_uncached() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    world.txt("_mta-sts.Example.COM.", &["v=STSv1; id=1;", "other"]);
    world.mx("example.com", &[(20, "b.example.com"), (10, "a.example.com")]);
    world.host_address("a.example.com", &[[127, 0, 0, 9].into(), Ipv6Addr::LOCALHOST.into(), [127, 0, 0, 8].into()]);
    let tlsa = Record::Tlsa { usage: 3, selector: 1, matching: 1, data: vec![7; 32] };
    world.set("_25._tcp.a.example.com", RecordType::Tlsa, Answer::Records(vec![tlsa]));

    let txt = ask(&lab, "_MTA-sts.example.com", Wire::TXT).await;
    assert_eq!(texts(&txt), ["v=STSv1; id=1;", "other"]);
    assert!(txt.answers.iter().all(|record| record.ttl == 0));
    let mx = data(&ask(&lab, "example.com", Wire::MX).await);
    assert_eq!(mx.iter().map(ToString::to_string).collect::<Vec<_>>(), ["20 b.example.com.", "10 a.example.com."]);
    let a = data(&ask(&lab, "a.example.com", Wire::A).await);
    assert_eq!(a, [RData::A(Ipv4Addr::new(127, 0, 0, 9).into()), RData::A(Ipv4Addr::new(127, 0, 0, 8).into())]);
    assert_eq!(data(&ask(&lab, "a.example.com", Wire::AAAA).await), [RData::AAAA(Ipv6Addr::LOCALHOST.into())]);
    let tlsa = data(&tcp(&lab, &question("_25._tcp.a.example.com", Wire::TLSA)).await);
    assert!(matches!(&tlsa[..], [RData::TLSA(tlsa)] if tlsa.cert_data == [7; 32]));

    let log = world.dns_log();
    assert_eq!(log.len(), 5);
    assert_eq!(log[0], ("_mta-sts.example.com".to_owned(), RecordType::Txt));
    assert_eq!(log[4], ("_25._tcp.a.example.com".to_owned(), RecordType::Tlsa));
    world.set_ttl(7);
    assert_eq!(ask(&lab, "a.example.com", Wire::A).await.answers[0].ttl, 7);
}

#[tokio::test]
async fn character_strings_stay_apart_and_long_ones_are_split() {
    let lab = Lab::start().await.unwrap();
    let strings = vec![b"v=STS".to_vec(), vec![], vec![0xff; 300]];
    lab.world().set("x.test", RecordType::Txt, Answer::Records(vec![Record::Txt(strings), Record::Txt(vec![])]));
    let reply = data(&ask(&lab, "x.test", Wire::TXT).await);
    let lengths = |data: &RData| match data {
        RData::TXT(txt) => txt.txt_data.iter().map(|string| string.len()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reply.iter().map(lengths).collect::<Vec<_>>(), [vec![5, 0, 255, 45], vec![0]]);
}

#[tokio::test]
async fn a_name_with_other_data_has_no_data_and_an_unknown_name_does_not_exist() {
    let lab = Lab::start().await.unwrap();
    lab.world().txt("_mta-sts.example.com", &["x"]);
    lab.world().set("gone.example.com", RecordType::Txt, Answer::NxDomain);
    for (name, kind, code) in [
        ("_mta-sts.example.com", Wire::A, ResponseCode::NoError),
        ("example.com", Wire::A, ResponseCode::NoError),
        ("other.example.com", Wire::TXT, ResponseCode::NXDomain),
        ("gone.example.com", Wire::TXT, ResponseCode::NXDomain),
        ("gone.example.com", Wire::A, ResponseCode::NXDomain),
    ] {
        let reply = ask(&lab, name, kind).await;
        assert_eq!(reply.metadata.response_code, code, "{name}");
        assert!(reply.answers.is_empty());
        assert!(matches!(reply.authorities[0].data, RData::SOA(_)));
        assert!(reply.authorities[0].name.zone_of(reply.queries[0].name()));
    }
    lab.world().remove("_mta-sts.example.com", RecordType::Txt);
    let reply = ask(&lab, "example.com", Wire::A).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn failures_are_what_was_set() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    world.set("a.test", RecordType::Txt, Answer::ServFail);
    world.set("b.test", RecordType::Txt, Answer::Refused);
    world.set("c.test", RecordType::Txt, Answer::Silence);
    world.set("d.test", RecordType::Txt, Answer::Failure { refused: false, extended_error: 6 });
    assert_eq!(ask(&lab, "a.test", Wire::TXT).await.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(ask(&lab, "b.test", Wire::TXT).await.metadata.response_code, ResponseCode::Refused);
    assert!(udp_octets(&lab, &question("c.test", Wire::TXT).to_vec().unwrap()).await.is_none());
    assert_eq!(world.dns_log().len(), 3);

    let plain = ask(&lab, "d.test", Wire::TXT).await;
    assert!(plain.edns.is_none());
    let mut with_edns = question("d.test", Wire::TXT);
    with_edns.set_edns(Edns::new());
    let reply = udp(&lab, &with_edns).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::ServFail);
    let reason = reply.edns.unwrap().option(EdnsCode::from(15)).cloned();
    assert_eq!(reason, Some(EdnsOption::Unknown(15, vec![0, 6])));
}

#[tokio::test]
async fn aliases_are_followed() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    world.cname("_mta-sts.example.com", "b.example.net");
    world.cname("b.example.net", "c.example.net");
    world.txt("c.example.net", &["v=STSv1; id=1;"]);
    let reply = ask(&lab, "_mta-sts.example.com", Wire::TXT).await;
    assert_eq!(reply.answers.len(), 3);
    assert_eq!(reply.answers[2].name, Name::from_ascii("c.example.net.").unwrap());
    assert_eq!(texts(&reply), ["v=STSv1; id=1;"]);
    assert_eq!(ask(&lab, "_mta-sts.example.com", Wire::CNAME).await.answers.len(), 1);

    world.remove("c.example.net", RecordType::Txt);
    let dangling = ask(&lab, "_mta-sts.example.com", Wire::TXT).await;
    assert_eq!(dangling.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!((dangling.answers.len(), dangling.authorities.len()), (2, 1));

    world.txt("c.example.net", &["gone once the name is an alias"]);
    world.cname("c.example.net", "_mta-sts.example.com");
    let looping = ask(&lab, "_mta-sts.example.com", Wire::TXT).await;
    assert_eq!(looping.metadata.response_code, ResponseCode::ServFail);
    assert!(looping.answers.is_empty());
}

#[tokio::test]
async fn a_wildcard_answers_below_its_suffix_where_nothing_else_does() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    let wild = |text: &str| Answer::Records(vec![Record::txt(text)]);
    world.set_wildcard("corp.test", RecordType::Txt, wild("wild"));
    world.txt("own.corp.test", &["own"]);
    assert_eq!(texts(&ask(&lab, "_mta-sts.example.com.corp.test", Wire::TXT).await), ["wild"]);
    assert_eq!(texts(&ask(&lab, "own.corp.test", Wire::TXT).await), ["own"]);
    assert_eq!(ask(&lab, "x.corp.test", Wire::A).await.metadata.response_code, ResponseCode::NoError);
    assert!(texts(&ask(&lab, "corp.test", Wire::TXT).await).is_empty());
}

#[tokio::test]
async fn the_ad_bit_is_for_secure_names_and_for_those_who_ask() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    world.set_secure("example.com", true);
    world.set_secure("plain.example.com", false);
    world.txt("a.example.com", &["x"]);
    world.txt("a.plain.example.com", &["x"]);
    world.cname("out.example.com", "a.plain.example.com");
    let ad = |name: &str, ad: bool, dnssec_ok: bool| {
        let mut message = question(name, Wire::TXT);
        message.metadata.authentic_data = ad;
        if dnssec_ok {
            let mut edns = Edns::new();
            edns.set_dnssec_ok(true);
            message.set_edns(edns);
        }
        let lab = &lab;
        async move { udp(lab, &message).await.metadata.authentic_data }
    };
    assert!(ad("a.example.com", true, false).await);
    assert!(ad("a.example.com", false, true).await);
    assert!(!ad("a.example.com", false, false).await);
    assert!(ad("absent.example.com", true, false).await);
    assert!(!ad("a.plain.example.com", true, true).await);
    assert!(!ad("out.example.com", true, true).await);
}

#[tokio::test]
async fn a_large_answer_is_cut_by_udp_and_whole_by_tcp() {
    let lab = Lab::start().await.unwrap();
    let records: Vec<String> = (0..8).map(|number| format!("{number}{}", "x".repeat(199))).collect();
    lab.world().txt("big.test", &records.iter().map(String::as_str).collect::<Vec<_>>());
    let cut = ask(&lab, "big.test", Wire::TXT).await;
    assert!(cut.metadata.truncation);
    assert!(cut.answers.is_empty());
    let mut large = question("big.test", Wire::TXT);
    let mut edns = Edns::new();
    edns.set_max_payload(4096);
    large.set_edns(edns);
    assert_eq!(udp(&lab, &large).await.answers.len(), 8);
    let whole = tcp(&lab, &question("big.test", Wire::TXT)).await;
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 8);
}

#[tokio::test]
async fn noise_is_answered_with_an_error_or_not_at_all() {
    let lab = Lab::start().await.unwrap();
    assert!(udp_octets(&lab, b"x").await.is_none());
    assert!(udp_octets(&lab, &[0xff; 64]).await.is_none());
    let cut = &question("a.test", Wire::A).to_vec().unwrap()[..14];
    assert_eq!(udp_octets(&lab, cut).await.unwrap().metadata.response_code, ResponseCode::FormErr);
    let mut update = question("a.test", Wire::A);
    update.metadata.op_code = OpCode::Notify;
    assert_eq!(udp(&lab, &update).await.metadata.response_code, ResponseCode::NotImp);
    let mut chaos = question("version.bind", Wire::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(udp(&lab, &chaos).await.metadata.response_code, ResponseCode::Refused);
    let mut newer = question("a.test", Wire::A);
    newer.set_edns(Edns::new().set_version(1).clone());
    // hickory reads 16 as BADSIG, the name it has in TSIG.
    const BADVERS: u16 = 16;
    assert_eq!(u16::from(udp(&lab, &newer).await.metadata.response_code), BADVERS);
}

#[tokio::test]
async fn hosts_set_their_addresses() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    let addresses = async |address| {
        world.policy_host("mta-sts.example.com", PolicyHost { address, ..PolicyHost::default() });
        let v4 = data(&ask(&lab, "mta-sts.example.com", Wire::A).await);
        let v6 = data(&ask(&lab, "mta-sts.example.com", Wire::AAAA).await);
        v4.iter().chain(&v6).map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(addresses(Address::V4).await, ["127.0.0.1"]);
    assert_eq!(addresses(Address::V6Only).await, ["::1"]);
    assert!(addresses(Address::None).await.is_empty());
    let two = addresses(Address::SecondOfTwo).await;
    assert_eq!(two[1], "127.0.0.1");
    assert_eq!(addresses(Address::Refused).await, two[..1]);
    assert!(TcpStream::connect((two[0].as_str(), lab.https_port())).await.is_err());

    let mx = world.mx_host("mx.example.com", MxHost::default()).unwrap();
    assert_eq!(data(&ask(&lab, "mx.example.com", Wire::A).await), [RData::A(mx.into())]);
    world.clear();
    assert_eq!(ask(&lab, "mx.example.com", Wire::A).await.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(world.dns_log().len(), 1);
}
