//! No allocation per packet: an allocator that counts proves it, for a whole worker with
//! everything on, once its flows are open.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use medtap_benches::maker::{Kind, Plan, bytes};
use medtap_benches::replay::{Solo, frames, rules};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting for each thread. Giving memory back does not count.
struct Counting;

fn count() {
    // A thread that is ending has no counter any more; nothing is measured there.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is handed to the system's allocator as it came; the counter is a plain cell
// of the thread and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above; `memory` came from the system's allocator.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; `memory` came from the system's allocator.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of the later part of a capture, whose flows the earlier part opened.
fn steady(plan: &Plan, opening: usize) -> (u64, usize) {
    let capture = bytes(plan).unwrap();
    let frames = frames(&capture);
    let (opening, steady) = frames.split_at(opening);
    let mut solo = Solo::new(plan.flows * 2 + 4096, &rules()).unwrap();
    solo.take(opening);
    let before = ALLOCATIONS.get();
    solo.take(steady);
    (ALLOCATIONS.get() - before, steady.len())
}

#[test]
fn it_counts() {
    let before = ALLOCATIONS.get();
    let memory = std::hint::black_box(vec![1u8; 100]);
    assert_eq!(ALLOCATIONS.get() - before, 1);
    drop(memory);
}

#[test]
fn a_flood_allocates_nothing() {
    let plan = Plan {
        flows: 1_000,
        ..Plan::new(Kind::Flood, 20_000)
    };
    let plan = Plan {
        ipv6_percent: 20,
        ..plan
    };
    assert_eq!(steady(&plan, 10_000), (0, 10_000));
}

/// TLS, HTTP and UDP, with new requests and responses all the time.
#[test]
fn the_mix_allocates_nothing() {
    let plan = Plan {
        flows: 30,
        ipv6_percent: 20,
        ..Plan::new(Kind::Imix, 60_000)
    };
    assert_eq!(steady(&plan, 40_000), (0, 20_000));
}

/// Conversations begin and end all the time: each may cost a few, its packets none.
#[test]
fn a_hospital_allocates_for_conversations_alone() {
    let plan = Plan {
        flows: 60,
        devices: 100,
        ..Plan::new(Kind::Hospital, 40_000)
    };
    let (allocations, packets) = steady(&plan, 20_000);
    eprintln!("{allocations} allocations for {packets} packets");
    // All conversations find a place, so all of them cost.
    assert!(
        allocations < packets as u64 / 8,
        "{allocations} for {packets} packets"
    );
}
