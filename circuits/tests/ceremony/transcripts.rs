//! Tampered transcripts: each refused by the name of what was done to it, from its bytes, the circuit and the powers.
//!
//! What only who can choose a participant's secrets can forge is tested beside the module.

use ark_bn254::{Fq2, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use tacit_circuits::ceremony::{self, CeremonyError, Powers, Source, Transcript};

use crate::support::{BEACON, EXPONENT, begun, contributed, other_circuit, over, power_circuit, powers, verdict};

/// A transcript that passes, its powers, and what is made of it.
fn tampered(name: &str, change: impl Fn(&mut Transcript)) -> CeremonyError {
    let powers = powers(name, 3);
    let mut transcript = over(&power_circuit(), &powers);
    change(&mut transcript);
    verdict(&transcript.encode(), &powers).expect_err(name)
}

fn not_proven(contribution: usize) -> CeremonyError {
    CeremonyError::NotProven { contribution, secret: "delta" }
}

fn wrong_query(query: &'static str) -> CeremonyError {
    CeremonyError::WrongQuery { query }
}

fn outside() -> G2Affine {
    (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("most points of the twist are outside")
}

#[test]
fn a_transcript_is_what_its_bytes_say() {
    let powers = powers("bytes", 3);
    let transcript = over(&power_circuit(), &powers);
    let bytes = transcript.encode();
    assert_eq!(Transcript::decode(&bytes).as_ref(), Ok(&transcript));
    assert_eq!(verdict(&bytes, &powers), Ok(()));
    let head = Transcript::decode_head(&bytes).expect("the beginning of the same");
    assert_eq!(head, (transcript.subject, transcript.records));
}

#[test]
fn a_contribution_that_is_left_out_is_missed_by_the_next() {
    for (left_out, refused) in [(0, 1), (1, 2), (2, 3)] {
        let found = tampered("left out", |transcript| drop(transcript.records.remove(left_out)));
        assert_eq!(found, not_proven(refused), "contribution {}", left_out + 1);
    }
}

#[test]
fn a_contribution_that_is_taken_off_the_end_is_missed_by_the_points_and_by_its_author() {
    let powers = powers("taken off", 3);
    let mut transcript = begun(&power_circuit(), &powers);
    contributed(&mut transcript, "alice");
    let shorter = transcript.clone();
    let hash = contributed(&mut transcript, "bob");
    let mut cut = transcript.clone();
    cut.records.pop();
    assert_eq!(verdict(&cut.encode(), &powers), Err(wrong_query("ic")));
    assert_eq!(verdict(&shorter.encode(), &powers), Ok(()));
    assert_eq!(ceremony::require_contribution(&transcript, &hash), Ok(()));
    assert_eq!(ceremony::require_contribution(&shorter, &hash).expect_err("taken off").name(), "LEFT_OUT");
}

#[test]
fn contributions_in_another_order_are_refused() {
    for (one, other) in [(0, 1), (1, 2), (0, 2)] {
        let found = tampered("order", |transcript| transcript.records.swap(one, other));
        assert_eq!(found, not_proven(one + 1));
    }
}

#[test]
fn a_contribution_given_twice_is_refused() {
    let found = tampered("twice", |transcript| {
        let record = transcript.records[1].clone();
        transcript.records.insert(2, record);
    });
    assert_eq!(found, not_proven(3));
}

#[test]
fn a_contribution_of_another_ceremony_or_another_circuit_is_refused() {
    let elsewhere =
        [over(&power_circuit(), &powers("elsewhere", 8)), over(&other_circuit(), &powers("elsewhere too", 3))];
    for other in elsewhere {
        for at in 0..3 {
            let found = tampered("replayed", |transcript| transcript.records[at] = other.records[at].clone());
            assert_eq!(found, not_proven(at + 1));
        }
    }
}

#[test]
fn a_transcript_of_another_circuit_is_refused_by_both_fingerprints() {
    let powers = powers("circuit", 3);
    let refused = verdict(&over(&other_circuit(), &powers).encode(), &powers).expect_err("another circuit");
    assert_eq!(refused.name(), "WRONG_CIRCUIT");
    // Relabelled, its contributions are of another ceremony.
    let mut relabelled = over(&other_circuit(), &powers);
    relabelled.subject = begun(&power_circuit(), &powers).subject;
    assert_eq!(verdict(&relabelled.encode(), &powers), Err(not_proven(1)));
    let mut early = begun(&other_circuit(), &powers);
    early.subject = begun(&power_circuit(), &powers).subject;
    assert_eq!(verdict(&early.encode(), &powers).expect_err("points of another circuit").name(), "WRONG_QUERY");
}

#[test]
fn other_powers_than_those_it_was_begun_with_are_refused() {
    let (mine, others) = (powers("mine", 3), powers("others", 8));
    let transcript = over(&power_circuit(), &mine);
    assert_eq!(verdict(&transcript.encode(), &others).expect_err("other powers").name(), "WRONG_POWERS");
    // Relabelled, its contributions are of another ceremony; without any, its points are wrong.
    let relabelled = |mut transcript: Transcript| {
        transcript.subject.powers = others.hash;
        verdict(&transcript.encode(), &others)
    };
    assert_eq!(relabelled(transcript), Err(not_proven(1)));
    assert_eq!(relabelled(begun(&power_circuit(), &mine)), Err(wrong_query("alpha")));
}

#[test]
fn an_edited_subject_name_or_beacon_breaks_what_is_proven() {
    type Change = fn(&mut Transcript);
    let changes: [(&str, Change, usize); 5] = [
        ("params", |transcript| transcript.subject.params = "large".to_owned(), 1),
        ("circuit", |transcript| transcript.subject.circuit = "other".to_owned(), 1),
        ("name", |transcript| transcript.records[1].source = Source::Participant { name: "bobby".to_owned() }, 2),
        (
            "beacon's value",
            |transcript| {
                transcript.records[3].source = Source::Beacon { value: vec![1; 32], exponent: EXPONENT };
            },
            4,
        ),
        (
            "beacon's iterations",
            |transcript| {
                transcript.records[3].source = Source::Beacon { value: BEACON.to_vec(), exponent: EXPONENT + 1 };
            },
            4,
        ),
    ];
    for (what, change, refused) in changes {
        assert_eq!(tampered("edited", change), not_proven(refused), "{what}");
    }
}

/// Its lists of points in G1, each under the name by which it is refused.
fn lists(transcript: &mut Transcript) -> [(&'static str, &mut Vec<G1Affine>); 5] {
    let points = &mut transcript.points;
    [
        ("a", &mut points.a),
        ("b in G1", &mut points.b_g1),
        ("ic", &mut points.ic),
        ("l", &mut points.l),
        ("h", &mut points.h),
    ]
}

#[test]
fn a_point_replaced_by_another_of_its_group_is_refused_by_its_list() {
    let powers = powers("points", 3);
    let good = over(&power_circuit(), &powers);
    let refused = |transcript: &Transcript| verdict(&transcript.encode(), &powers);
    for which in 0..5 {
        let count = lists(&mut good.clone())[which].1.len();
        for at in [0, count - 1] {
            let mut transcript = good.clone();
            let (query, points) = &mut lists(&mut transcript)[which];
            let query = *query;
            points[at] = (points[at] + points[at]).into_affine();
            assert_eq!(refused(&transcript), Err(wrong_query(query)), "point {at}");
        }
        let mut swapped = good.clone();
        lists(&mut swapped)[which].1.swap(0, 1);
        let query = lists(&mut swapped)[which].0;
        assert_eq!(refused(&swapped), Err(wrong_query(query)), "two exchanged");
        // The sum of all points stays as it was.
        let mut balanced = good.clone();
        let points = &mut *lists(&mut balanced)[which].1;
        points[0] = (points[0] + G1Affine::generator()).into_affine();
        points[1] = (points[1] - G1Affine::generator()).into_affine();
        assert_eq!(refused(&balanced), Err(wrong_query(query)), "two that balance");
        let mut shorter = good.clone();
        lists(&mut shorter)[which].1.pop();
        assert_eq!(refused(&shorter), Err(wrong_query(query)), "one less");
    }
    let mut in_g2 = good.clone();
    in_g2.points.b_g2.swap(0, 1);
    assert_eq!(refused(&in_g2), Err(wrong_query("b in G2")));
    let mut alpha = good.clone();
    alpha.points.alpha_g1 = (alpha.points.alpha_g1 + G1Affine::generator()).into_affine();
    assert_eq!(refused(&alpha), Err(wrong_query("alpha")));
    let mut beta = good.clone();
    beta.points.beta_g2 = (beta.points.beta_g2 + beta.points.beta_g2).into_affine();
    assert_eq!(refused(&beta), Err(wrong_query("beta in G2")));
}

#[test]
fn all_points_of_a_list_times_a_factor_are_refused() {
    for (which, query) in [(2, "ic"), (3, "l"), (4, "h")] {
        let found = tampered("scaled", |transcript| {
            let points = &mut *lists(transcript)[which].1;
            points.iter_mut().for_each(|point| *point = (*point + *point).into_affine());
        });
        assert_eq!(found, wrong_query(query));
    }
}

#[test]
fn identities_points_off_the_curve_or_outside_the_subgroup_are_refused_by_place() {
    type Change = fn(&mut Transcript);
    let off_curve = |transcript: &mut Transcript| {
        let point = &mut transcript.points.l[2];
        *point = G1Affine::new_unchecked(point.x, point.x);
    };
    let changes: [(Change, &'static str, usize); 7] = [
        (|transcript| transcript.records[0].delta.g1 = G1Affine::identity(), "delta", 0),
        (|transcript| transcript.records[1].gamma.g1 = G1Affine::identity(), "gamma", 0),
        (|transcript| transcript.records[1].gamma.g2 = G2Affine::identity(), "gamma", 0),
        (|transcript| transcript.records[2].delta.xr = outside(), "delta", 0),
        (|transcript| transcript.points.b_g2[1] = outside(), "b in G2", 1),
        (|transcript| transcript.points.h[3] = G1Affine::identity(), "h", 3),
        (off_curve, "l", 2),
    ];
    for (change, part, index) in changes {
        assert_eq!(tampered("points", change), CeremonyError::BadPoint { part, index });
    }
}

#[test]
fn a_transcript_cut_off_anywhere_is_refused_and_so_are_bytes_after_its_end() {
    let powers = powers("cut", 3);
    let bytes = over(&power_circuit(), &powers).encode();
    for length in (0..bytes.len()).step_by(29).chain(bytes.len() - 3..bytes.len()) {
        let refused = Transcript::decode(&bytes[..length]).expect_err("not whole").name();
        assert_eq!(refused, "TRUNCATED", "{length} bytes");
    }
    let longer = [bytes.as_slice(), &[0, 0]].concat();
    assert_eq!(Transcript::decode(&longer), Err(CeremonyError::TrailingBytes { bytes: 2 }));
}

#[test]
fn no_changed_byte_passes_or_panics() {
    let powers = powers("changed", 3);
    let bytes = over(&power_circuit(), &powers).encode();
    assert_eq!(verdict(&bytes, &powers), Ok(()));
    for at in (0..bytes.len()).step_by(23) {
        // A count with its highest bit set asks for more memory than there is.
        let flip = if at % 2 == 0 { 0x01 } else { 0x80 };
        let mut changed = bytes.clone();
        changed[at] ^= flip;
        assert!(verdict(&changed, &powers).is_err(), "byte {at} ^ {flip}");
    }
}

#[test]
fn names_and_beacons_out_of_range_are_refused_when_made_and_when_read() {
    let powers = powers("ranges", 3);
    let transcript = begun(&power_circuit(), &powers);
    let secrets = ceremony::Secrets::of_participant(&[1; 32], b"");
    for name in ["", &"x".repeat(65), "a\u{1b}[2Jb", "two\nlines"] {
        let refused = ceremony::contribute(&mut transcript.clone(), name, &secrets).expect_err(name);
        assert_eq!(refused.name(), "NAME_RANGE");
    }
    for (value, exponent) in [(vec![0; 15], 10), (vec![0; 129], 10), (vec![0; 32], 9), (vec![0; 32], 33)] {
        let refused = ceremony::end(&mut transcript.clone(), &value, exponent).expect_err("out of range");
        assert_eq!(refused.name(), "BEACON_RANGE");
    }
    let name = tampered("a name", |transcript| {
        transcript.records[0].source = Source::Participant { name: "a\u{1b}[2Jb".to_owned() };
    });
    assert_eq!(name.name(), "NAME_RANGE");
    let long = tampered("a long beacon", |transcript| {
        transcript.records[3].source = Source::Beacon { value: BEACON.to_vec(), exponent: 60 };
    });
    assert_eq!(long.name(), "BEACON_RANGE");
}

#[test]
fn keys_are_made_only_of_a_ceremony_that_is_over() {
    let powers: Powers = powers("open", 3);
    let mut open = begun(&power_circuit(), &powers);
    let refused = |transcript: &Transcript| transcript.keys(power_circuit()).expect_err("not over").name();
    assert_eq!(refused(&open), "NOT_OVER");
    contributed(&mut open, "alice");
    assert_eq!(refused(&open), "NOT_OVER");
    let mut nobody = begun(&power_circuit(), &powers);
    ceremony::end(&mut nobody, BEACON, EXPONENT).expect("a good beacon");
    assert_eq!(refused(&nobody), "NOT_OVER");
}
