//! Promises of the ceremony, on a small circuit: from a file of powers to keys that prove, and every way to tamper with a file on it.

mod files;
mod keys;
mod powers;
mod support;
mod transcripts;
