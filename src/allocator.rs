//! The program's allocator, and who gives memory back to the system.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use mimalloc::MiMalloc;

/// Bodies and answers of a few kilobytes come and go with every request, often on different threads: glibc's allocator
/// pays for that with locks and merging, about a sixth of the time of a call.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How often memory is given back. mimalloc does it a second after the first was freed (`purge_delay`), all at once, in
/// whatever thread next fills or empties a page: behind a sweep of a million sessions that was a request, which took 100 ms
/// longer. Whenever it is done here that second begins anew, so that no request comes to it.
const GIVEN_BACK_EVERY: Duration = Duration::from_millis(500);

#[expect(
    unsafe_code,
    reason = "C's functions are declared so; this one may be called at any time, in any thread"
)]
unsafe extern "C" {
    safe fn mi_collect(force: bool);
}

/// Gives back what is free, for ever, in a thread that nobody waits for. Where there can be none, requests do it, as ever.
pub(crate) fn give_back() {
    let giving = thread::Builder::new().name("memory".to_owned());
    drop(giving.spawn(|| {
        // In a thread that has allocated nothing mi_collect does nothing.
        drop(black_box(Box::new(0_u8)));
        loop {
            thread::sleep(GIVEN_BACK_EVERY);
            mi_collect(true);
        }
    }));
}
