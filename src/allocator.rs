//! The program's allocator, and who gives memory back to the system.

use std::thread;
use std::time::Duration;

use mimalloc::MiMalloc;

/// Bodies and answers of a few kilobytes come and go with every request, often on different threads: glibc's allocator
/// pays for that with locks and merging, about a sixth of the time of a call.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How often memory is given back. mimalloc does it a second after something was freed (its `purge_delay`), in whatever
/// thread frees next, and all at once: behind a sweep of a million sessions that was a request, which took 100 ms longer.
/// Nothing is left to requests that has been given back by then.
const GIVEN_BACK_EVERY: Duration = Duration::from_millis(500);

#[expect(
    unsafe_code,
    reason = "C has no other declarations; this one may be called at any time, in any thread"
)]
unsafe extern "C" {
    safe fn mi_collect(force: bool);
}

/// Gives back what is free, for ever, in a thread that nobody waits for. Where there can be none, requests do it, as ever.
pub(crate) fn give_back() {
    let giving = thread::Builder::new().name("memory".to_owned());
    drop(giving.spawn(|| {
        loop {
            thread::sleep(GIVEN_BACK_EVERY);
            mi_collect(true);
        }
    }));
}
