//! Digits, in any script people type them in.

/// The digit that `character` stands for in any script people type codes and numbers in (Unicode general category Nd).
pub(crate) fn ascii_digit(character: char) -> Option<char> {
    /// The zeros of Arabic, Persian, N'Ko, Devanagari, Bengali, Gurmukhi, Gujarati, Oriya, Tamil, Telugu, Kannada,
    /// Malayalam, Thai, Lao, Tibetan, Myanmar, Khmer, Mongolian and the full-width digits.
    const ZEROS: [u32; 20] = [
        0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50,
        0xed0, 0xf20, 0x1040, 0x17e0, 0x1810, 0xff10,
    ];
    let point = u32::from(character);
    let zero = ZEROS.into_iter().find(|zero| (*zero..zero + 10).contains(&point))?;
    char::from_digit(point - zero, 10)
}
