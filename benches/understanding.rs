//! What it costs to understand a text: about 200 characters of several kinds with two lexicons, and 3,000 of the same,
//! which should cost fifteen times as much.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

use std::hint::black_box;

use botkit_otp::dialog::understanding::{Keywords, Lexicon, built_in, understand};
use botkit_otp::otp::{Alphabet, Format};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const FORMAT: Format = Format { length: 6, alphabet: Alphabet::Digits };

fn lexicon(language: &str) -> Lexicon {
    let file = built_in(language).expect("a language we have");
    let keywords: Keywords = toml::from_str(file).expect("a keyword file");
    Lexicon::new(&keywords).expect("a lexicon")
}

/// `text` over and over, with `end` where `length` characters are full.
fn fill(text: &str, end: &str, length: usize) -> String {
    text.chars().cycle().take(length - end.chars().count()).chain(end.chars()).collect()
}

fn texts(criterion: &mut Criterion) {
    let english = lexicon("en");
    let mut group = criterion.benchmark_group("understand");
    for (name, language, text, end) in [
        (
            "sentence",
            "es",
            "Hello there, I have waited for a while and checked my other inbox as well, and ",
            "the code is 482916",
        ),
        (
            "complaint",
            "es",
            "I have been waiting for ten minutes now and there is still nothing to be seen. ",
            "resend the code",
        ),
        ("digits", "es", "12 345-67.8, 90/1 (2) +3 4:5 6,7 $8 9% ", "1 2"),
        ("spoken", "es", "four eight two, nine one double six oh three triple five ", "one"),
        (
            "address",
            "es",
            "I am not sure which address you have, but it must be one of these I think, ",
            "mira@example.com",
        ),
        ("chinese", "zh", "我等了很久，邮箱里什么都没有，手机上也没有看到，请问", "验证码是482916"),
        (
            "japanese",
            "ja",
            "さっきから待っていますが、よん はち に、メールの画面には何も出てきません。",
            "コードは482916です",
        ),
        ("arabic", "ar", "مرحبا، انتظرت عشر دقائق وراجعت بريدي كله في كل مكان ", "والرمز هو ٤٨٢٩١٦"),
        ("hindi", "hi", "नमस्ते जी, मैं दस मिनट से इंतज़ार में हूँ और सब जगह देख लिया, ", "मेरा कोड ४८२९१६ है"),
    ] {
        let own = lexicon(language);
        for length in [200, 3_000] {
            let text = fill(text, end, length);
            group.throughput(Throughput::Elements(u64::try_from(length).expect("small")));
            group.bench_function(BenchmarkId::new(name, length), |bench| {
                bench.iter(|| {
                    understand(black_box(&text), &[&own, &english], FORMAT, Some("+1 415 555 2671"))
                });
            });
        }
    }
    group.finish();
}

fn compiling(criterion: &mut Criterion) {
    criterion.bench_function("compile a lexicon", |bench| bench.iter(|| lexicon(black_box("en"))));
}

criterion_group!(benches, texts, compiling);
criterion_main!(benches);
