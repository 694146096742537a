//! Files of powers: what is read from a good one, and what is refused.

use ark_bn254::{Fq2, Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ff::{FftField, One};
use tacit_circuits::ceremony::CeremonyError;

use crate::support::{Lists, file_of, read};

const POWER: u32 = 4;

fn lists() -> Lists {
    Lists::drawn(POWER, 3)
}

fn name_of(case: &str, bytes: &[u8]) -> &'static str {
    read(case, bytes, 16).expect_err(case).name()
}

#[test]
fn a_good_file_gives_its_powers_also_for_smaller_circuits() {
    let lists = lists();
    for size in [4usize, 16] {
        let powers = read("good", &lists.file(), size).expect("a good file");
        assert_eq!(powers.tau_g1, lists.tau_g1[..2 * size - 1]);
        assert_eq!(powers.tau_g2, lists.tau_g2[..size]);
        assert_eq!(powers.alpha_g1, lists.alpha_g1[..size]);
        assert_eq!(powers.beta_g1, lists.beta_g1[..size]);
        assert_eq!(powers.beta_g2, lists.beta_g2[0]);
    }
}

#[test]
fn sections_that_this_program_does_not_know_count_for_the_hash_only() {
    let lists = lists();
    let plain = read("plain", &lists.file(), 16).expect("a good file");
    let mut sections = lists.sections();
    sections.push((12, vec![3; 100]));
    let more = read("more", &file_of(&sections), 16).expect("a good file");
    assert_ne!(plain.hash, more.hash);
    assert_eq!((plain.tau_g1, plain.tau_g2), (more.tau_g1, more.tau_g2));
}

#[test]
fn a_file_for_smaller_circuits_is_refused_with_both_sizes() {
    let refused = read("small", &lists().file(), 32).expect_err("2^4 powers for 2^5 points");
    assert_eq!(refused, CeremonyError::TooFewPowers { needed: 5, found: 4 });
}

#[test]
fn any_wrong_point_of_any_list_is_refused_even_beyond_what_the_circuit_needs() {
    let good = lists();
    let twice = |point: G1Affine| (point + point).into_affine();
    let twice_g2 = |point: G2Affine| (point + point).into_affine();
    for at in [0usize, 1, 2, 7, 15] {
        type Change<'a> = (&'a str, &'a dyn Fn(&mut Lists));
        let changes: [Change<'_>; 4] = [
            ("tau in G1", &|lists| lists.tau_g1[2 * at] = twice(lists.tau_g1[2 * at])),
            ("tau in G2", &|lists| lists.tau_g2[at] = twice_g2(lists.tau_g2[at])),
            ("alpha in G1", &|lists| lists.alpha_g1[at] = twice(lists.alpha_g1[at])),
            ("beta in G1", &|lists| lists.beta_g1[at] = twice(lists.beta_g1[at])),
        ];
        for (list, change) in changes {
            let mut lists = good.clone();
            change(&mut lists);
            let case = format!("wrong {list} {at}");
            let found = read(&case, &lists.file(), 4).expect_err(&case);
            assert_eq!(found.name(), "POWERS_CHAIN", "{case}: {found}");
        }
    }
}

#[test]
fn lists_of_another_tau_or_beta_are_refused() {
    let (good, other) = (lists(), Lists::drawn(POWER, 4));
    let changes: [(&str, Lists); 5] = [
        ("tau in G2", Lists { tau_g2: other.tau_g2.clone(), ..good.clone() }),
        ("alpha in G1", Lists { alpha_g1: other.alpha_g1.clone(), ..good.clone() }),
        ("beta in G1", Lists { beta_g1: other.beta_g1.clone(), beta_g2: other.beta_g2.clone(), ..good.clone() }),
        ("beta in G2", Lists { beta_g2: other.beta_g2.clone(), ..good.clone() }),
        ("tau in G1", Lists { tau_g1: other.tau_g1.clone(), ..good.clone() }),
    ];
    for (list, lists) in changes {
        assert_eq!(name_of(&format!("another {list}"), &lists.file()), "POWERS_CHAIN", "{list}");
    }
}

#[test]
fn secrets_that_anybody_knows_are_refused() {
    let (one, secret) = (Fr::one(), Fr::from(12_345_678_901u64));
    let root = Fr::get_root_of_unity(32).expect("there are so many");
    let cases = [
        ("tau", one, secret, secret),
        ("tau", -one, secret, secret),
        ("tau", root, secret, secret),
        ("alpha", secret, one, secret),
        ("alpha", secret, -one, secret),
        ("beta", secret, secret, one),
    ];
    for (at, (named, tau, alpha, beta)) in cases.into_iter().enumerate() {
        let file = Lists::of(POWER, tau, alpha, beta).file();
        assert_eq!(read(&format!("trivial {at}"), &file, 16), Err(CeremonyError::PowersTrivial { secret: named }));
    }
}

#[test]
fn points_that_are_none_of_their_group_are_refused_by_place() {
    let outside = (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("most points of the twist are outside");
    let refused = |part, index| CeremonyError::PowersPoint { part, index };
    let mut off_curve = lists();
    off_curve.alpha_g1[3] = G1Affine::new_unchecked(off_curve.alpha_g1[3].x, off_curve.alpha_g1[3].x);
    assert_eq!(read("off curve", &off_curve.file(), 16), Err(refused("alpha in G1", 3)));
    let mut identity = lists();
    identity.tau_g1[30] = G1Affine::identity();
    assert_eq!(read("identity", &identity.file(), 16), Err(refused("tau in G1", 30)));
    let mut subgroup = lists();
    subgroup.tau_g2[5] = outside;
    assert_eq!(read("outside", &subgroup.file(), 16), Err(refused("tau in G2", 5)));
    let mut sections = lists().sections();
    sections[4].1[64 * 2 + 31] = 0xff;
    assert_eq!(read("too large a number", &file_of(&sections), 16), Err(refused("beta in G1", 2)));
}

#[test]
fn a_file_that_is_not_of_the_format_is_refused_and_nothing_panics() {
    let good = lists();
    let file = good.file();
    for length in (0..file.len()).step_by(61).chain(file.len() - 4..file.len()) {
        assert_eq!(name_of("cut", &file[..length]), "POWERS_FORMAT", "{length} bytes");
    }
    assert_eq!(name_of("longer", &[file.as_slice(), &[0]].concat()), "POWERS_FORMAT");
    let changed = |at: usize, value: u8| {
        let mut file = file.clone();
        file[at] = value;
        file
    };
    // Magic, version, number of sections, first section, its size, width, field, power.
    for (at, value) in
        [(0, b'P'), (4, 2), (8, 6), (8, 8), (12, 2), (16, 45), (24, 31), (28, 0), (60, 5), (60, 0), (60, 29)]
    {
        assert_eq!(name_of("header", &changed(at, value)), "POWERS_FORMAT", "byte {at}");
    }
    for left_out in 0..6 {
        let mut sections = good.sections();
        sections.remove(left_out);
        assert_eq!(name_of("left out", &file_of(&sections)), "POWERS_FORMAT", "section {left_out}");
    }
    for twice in 0..6 {
        let mut sections = good.sections();
        sections.push(sections[twice].clone());
        assert_eq!(name_of("twice", &file_of(&sections)), "POWERS_FORMAT", "section {twice}");
    }
}
