use medtap_engine::{capture::pcap::*, runtime::*};
use std::sync::Arc;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let workers: usize = args[0].parse().unwrap();
    let repeat: u32 = args[1].parse().unwrap();
    let inputs: Vec<Input> = args[2..].iter().map(Input::from_argument).collect();
    let pcap = Pcap::open(&inputs).unwrap();
    let rules = medtap_rules::Rules::embedded();
    let mut a = Analysis::new(Arc::new(rules.matcher()));
    a.workers = workers;
    a.repeat = repeat;
    let t = std::time::Instant::now();
    let r = analyze(pcap, &a, &mut |_| {}).unwrap();
    let s = t.elapsed().as_secs_f64();
    for (c, n) in r.counters.iter() {
        if n > 0 {
            println!("C {} {n}", c.name());
        }
    }
    let n = r.counters.get(medtap_table::vocabulary::Counter::Packets);
    println!("{:.2} Mpps wall {s:.2}", n as f64 / s / 1e6);
}
