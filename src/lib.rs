//! tbd
pub mod address;
pub mod clock;
pub mod otp;
pub mod botkit;
pub mod dialog;
