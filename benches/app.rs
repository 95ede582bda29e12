//! What a call costs inside the process: a turn, a webhook through the whole application, the store.
//!
//! `webhook/floor` is a bare actix handler that checks the same token and echoes the same body, for comparison in the
//! same run. `loopback` measures the same over sockets.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

mod shared;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use botkit_otp::address::{Destination, Email};
use botkit_otp::botkit::{Algorithm, BotId, Credentials};
use botkit_otp::cli::{Parts, assemble};
use botkit_otp::clock::{Clock as _, SystemClock, Timestamp, VirtualClock};
use botkit_otp::config::Loaded;
use botkit_otp::dialog::catalogue::{Catalogue, Language};
use botkit_otp::dialog::understanding::Utterance;
use botkit_otp::dialog::{Call, Operation, Past, Reading, RequestKey, Session, SessionKey, Wanted, turn};
use botkit_otp::http::Server;
use botkit_otp::otp::{Accounts, Authority, Code, Expose};
use botkit_otp::store::{Change, Commit, Memory, Store as _, Write};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use shared::{body, echo};

const NOW: Timestamp = Timestamp::from_millis(1_784_540_790_118);
const SECRET: &str = "a secret for nothing but this bench";

fn loaded() -> Loaded {
    let variables = [
        ("BOTKIT_OTP_DEV__ENABLED", "true"),
        ("BOTKIT_OTP_BOTS__DEFAULT__APP_ID", "cs-bench"),
        ("BOTKIT_OTP_BOTS__DEFAULT__API_KEY", SECRET),
        ("BOTKIT_OTP_OTP__ATTEMPTS", "100"),
    ];
    let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    // An empty file, so that none of the developer's own is read.
    let file = tempfile::NamedTempFile::new().expect("a file");
    Loaded::read(Some(file.path()), &variables).expect("these can be used")
}

fn server() -> Arc<Server> {
    let clock = Arc::new(VirtualClock::standing(NOW));
    let parts = Parts {
        api_key: None,
        clock: Arc::<VirtualClock>::clone(&clock),
        dev_clock: Some(clock),
        rng: Box::new(StdRng::seed_from_u64(1)),
        runtime: tokio::runtime::Handle::current(),
        generated: None,
        store: None,
    };
    assemble(&loaded(), parts).expect("these can be used")
}

fn authority() -> Authority {
    let config = loaded().config;
    config.otp.authority(config.limits.budgets(), &mut StdRng::seed_from_u64(1)).expect("in range")
}

fn verify_call(authority: &Authority, request: usize) -> Call {
    let code = Code::read("000000", authority.rules.format).expect("six digits");
    let operation = Operation::Verify;
    let request = RequestKey::new(&authority.keys, operation, &request.to_string(), code.reveal(), None);
    Call {
        operation,
        request: Some(request),
        user: None,
        destination: Reading::not_asked(),
        wanted: Wanted::Email,
        number: None,
        code: Reading::Read(code),
        heard: Utterance::Other,
        forged: false,
        whole: false,
        language: english(),
    }
}

fn english() -> Arc<Language> {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(&[]).expect("it is tested"));
    Arc::clone(CATALOGUE.find("en").expect("it is compiled in"))
}

fn waiting(authority: &Authority) -> Session {
    let send = Call {
        operation: Operation::Send,
        destination: Reading::Read(Destination::Email(Email::parse("mira@example.com").expect("an address"))),
        ..verify_call(authority, 0)
    };
    let mut rng = StdRng::seed_from_u64(2);
    let past = Past { session: None, accounts: &Accounts::default() };
    turn(past, &send, authority, Expose::Reference, "st-1//s-1", NOW, &mut rng).session.expect("a challenge")
}

fn a_turn(criterion: &mut Criterion) {
    let authority = authority();
    let session = waiting(&authority);
    let call = verify_call(&authority, 1);
    let accounts = Accounts::default();
    let mut rng = StdRng::seed_from_u64(3);
    criterion.bench_function("turn/verify", |bench| {
        bench.iter(|| {
            let past = Past { session: Some(&session), accounts: &accounts };
            turn(past, black_box(&call), &authority, Expose::Reference, "st-1//s-1", NOW, &mut rng)
        });
    });
}

fn a_webhook(criterion: &mut Criterion) {
    let runtime = actix_web::rt::System::new();
    let main = tokio::runtime::Runtime::new().expect("threads");
    let _inside = main.enter();
    let credentials =
        || Credentials::new("cs-bench", &SECRET.into(), Algorithm::HS256, false).expect("both are there");
    let token = credentials().token_until(SystemClock.now().seconds() + 3_600);
    let server = server();
    let ours =
        runtime.block_on(init_service(App::new().configure(|config| Arc::clone(&server).routes(config))));
    let floor = runtime.block_on(init_service(
        App::new()
            .app_data(web::Data::new(credentials()))
            .app_data(web::PayloadConfig::new(4 << 20))
            .route("/sdk/bots/{bot}/components/{component}/on_webhook", web::post().to(echo)),
    ));
    let request = |body: &str| {
        TestRequest::post()
            .uri("/sdk/bots/st-6b1f0c52-9d3e-5a47-8c21-4e7ab90d3f16/components/dc-1/on_webhook")
            .insert_header(("token", token.as_str()))
            .insert_header(("content-length", body.len()))
            .set_payload(body.to_owned())
            .to_request()
    };
    let mut group = criterion.benchmark_group("webhook");
    for (name, size) in [("4kB", 4_000), ("200kB", 200_000)] {
        let sends = body(size);
        let verifies = sends.replace("\"OtpSend\"", "\"OtpVerify\"");
        group.bench_function(BenchmarkId::new("floor", name), |bench| {
            bench.iter_batched(
                || request(&sends),
                |request| runtime.block_on(call_service(&floor, request)),
                BatchSize::SmallInput,
            );
        });
        let count = AtomicUsize::new(0);
        group.bench_function(BenchmarkId::new("verify", name), |bench| {
            let fresh = || {
                let number = count.fetch_add(1, Ordering::Relaxed);
                let numbered = |text: &str, request: usize| {
                    text.replace("6a5f0e3b9c1d2e4f5a6b7c8d", &format!("{size}-{:016}", number / 90))
                        .replace("1784540790118", &format!("{request:013}"))
                };
                if number.is_multiple_of(90) {
                    let sent = request(&numbered(&sends, number));
                    assert!(runtime.block_on(call_service(&ours, sent)).status().is_success());
                }
                request(&numbered(&verifies, number))
            };
            bench.iter_batched(
                fresh,
                |request| runtime.block_on(call_service(&ours, request)),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn the_store(criterion: &mut Criterion) {
    let session = Arc::new(waiting(&authority()));
    let bot = BotId::parse("st-1").expect("an id");
    let mut group = criterion.benchmark_group("store");
    for threads in [1, 2, 8] {
        group.bench_function(BenchmarkId::new("load and commit", threads), |bench| {
            let store = Arc::new(Memory::default());
            bench.iter_custom(|rounds| {
                let stopwatch = botkit_otp::telemetry::Stopwatch::start();
                std::thread::scope(|scope| {
                    for thread in 0..threads {
                        let (store, session, bot) = (Arc::clone(&store), Arc::clone(&session), bot.clone());
                        scope.spawn(move || {
                            let keys: Vec<_> = (0..1_000)
                                .map(|number| SessionKey::new(&bot, &format!("{thread}-{number}")))
                                .collect();
                            let runtime =
                                tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                            runtime.block_on(async {
                                for round in 0..rounds / threads {
                                    let key = &keys[usize::try_from(round % 1_000).expect("small")];
                                    let snapshot = store.load(key, &[]).await.expect("memory");
                                    let session = Write {
                                        key: key.clone(),
                                        seen: snapshot.session.map(|stored| stored.version),
                                        value: Arc::clone(&session),
                                    };
                                    let session = Some(session);
                                    let change =
                                        Change { at: NOW, session, accounts: Vec::new(), ticket: None };
                                    let commit = store.commit(change).await.expect("memory");
                                    assert!(matches!(commit, Commit::Done(_)));
                                }
                            });
                        });
                    }
                });
                stopwatch.elapsed()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, a_turn, a_webhook, the_store);
criterion_main!(benches);
