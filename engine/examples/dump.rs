use medtap_engine::{capture::pcap::*, runtime::*};
use std::sync::Arc;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let workers: usize = args[0].parse().unwrap();
    let inputs: Vec<Input> = args[1..].iter().map(Input::from_argument).collect();
    let pcap = match Pcap::open(&inputs) {
        Ok(p) => p,
        Err(e) => {
            eprintln!("{e}");
            return;
        }
    };
    let rules = medtap_rules::Rules::embedded();
    let mut a = Analysis::new(Arc::new(rules.matcher()));
    a.workers = workers;
    a.flow_records = true;
    let t = std::time::Instant::now();
    let r = analyze(pcap, &a, &mut |_| {}).unwrap();
    eprintln!("{:?}", t.elapsed());
    let t = r.table.reader();
    for (id, s, tr) in t.subjects() {
        println!("S {id:?} {s:?} {tr:?}");
    }
    for (_, f) in t.facts() {
        println!(
            "F {:?} {} {} rule {} c{} n{} raw={:?} value={:?}",
            f.subject,
            f.field.name(),
            f.attribute.name(),
            f.rule,
            f.confidence,
            f.count,
            f.raw,
            f.value
        );
    }
    for (_, e, v) in t.edges() {
        println!("E {e:?} {v:?}");
    }
    for (_, a) in t.activity() {
        println!("A {:?} {} {}", a.subject, a.event.name(), a.total);
    }
    for (c, n) in r.counters.iter() {
        if n > 0 {
            println!("C {} {n}", c.name());
        }
    }
    println!("flows {} faults {:?}", r.flows.len(), r.faults);
}
