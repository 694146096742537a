//! Uniqueness to first order: which wires a satisfied circuit leaves free when some are held.
//!
//! At a satisfying assignment z each row `a·b = c` is linearised: `⟨b,z⟩⟨a,δ⟩ + ⟨a,z⟩⟨b,δ⟩ − ⟨c,δ⟩ = 0`. A wire is determined if
//! δ = 0 there in every solution in which the held wires do not move. A missing row nearly always leaves a wire that is not.
//!
//! * [`free_wires`] and [`free_wires_keeping`] ask the question once; [`Tangent`] prepares a circuit and a witness so that it can be
//!   asked many times, with other rows left out (a deletion test).
//! * [`Tangent::unbound`] asks the converse of the wires that are held because "a hash binds them": moved alone, does each of them
//!   break a row or move a public input? A hash is one equation, so it binds one of its inputs at a time, and that much can be seen.
//!
//! **What this cannot see.** A bit moves in no small step, nor does what is ranged by bits: a flag that nothing ties to its meaning,
//! a second reading of bits, a quotient off by one are all unique to first order. [`exact`] is for these: it propagates what is known
//! and the integers that ranges leave, and finds wires that have another value a step or many away. What it cannot decide (products of
//! unknowns), and a wrong sign, which has one witness, take witnesses that mean something else; `circuits/tests/tangent/planted.rs`
//! has some of each, and says what finds them.
#![allow(dead_code, reason = "each test program uses its part")]

pub mod exact;

use std::collections::{BTreeMap, BTreeSet};

use ark_ff::{AdditiveGroup, Field};
use tacit_circuits::matrices::Matrices;
use tacit_core::field::F;
use tacit_core::poseidon;

/// Wires that the rows leave free at `z` while those of `held` do not move (the constant never does).
pub fn free_wires(matrices: &Matrices, z: &[F], held: impl Fn(usize) -> bool) -> Vec<usize> {
    free_wires_keeping(matrices, z, held, |_| true)
}

/// As [`free_wires`] in a circuit that has only the rows of `keep`.
pub fn free_wires_keeping(
    matrices: &Matrices,
    z: &[F],
    held: impl Fn(usize) -> bool,
    keep: impl Fn(usize) -> bool,
) -> Vec<usize> {
    Tangent::at(matrices, z).free(held, keep)
}

/// The first of the kept rows that the wires break.
pub fn broken_row(matrices: &Matrices, z: &[F], keep: impl Fn(usize) -> bool) -> Option<usize> {
    let breaks = |row: &usize| matrices.a.dot(*row, z) * matrices.b.dot(*row, z) != matrices.c.dot(*row, z);
    (0..matrices.rows()).filter(|row| keep(*row)).find(breaks)
}

/// Lists of numbers behind one another.
struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    fn of(&self, list: usize) -> &[u32] {
        &self.items[self.starts[list] as usize..self.starts[list + 1] as usize]
    }

    /// For each item the lists it stands in.
    fn transposed(&self, items: usize) -> Self {
        let mut starts = vec![0u32; items + 1];
        self.items.iter().for_each(|item| starts[*item as usize + 1] += 1);
        for at in 0..items {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut transposed = vec![0; self.items.len()];
        for list in 0..self.starts.len() - 1 {
            for item in self.of(list) {
                transposed[next[*item as usize] as usize] = list as u32;
                next[*item as usize] += 1;
            }
        }
        Self { starts, items: transposed }
    }
}

/// A circuit's rows, linearised at a witness.
pub struct Tangent<'m> {
    matrices: &'m Matrices,
    /// `⟨a,z⟩` and `⟨b,z⟩` of each row.
    sides: Vec<[F; 2]>,
    /// Wires that a row says something of: their factor is not 0.
    rows: Lists,
    /// Rows that say something of a wire.
    rows_of: Lists,
}

impl<'m> Tangent<'m> {
    /// Linearises at `z`, which satisfies the rows.
    pub fn at(matrices: &'m Matrices, z: &[F]) -> Self {
        let sides: Vec<[F; 2]> =
            (0..matrices.rows()).map(|row| [matrices.a.dot(row, z), matrices.b.dot(row, z)]).collect();
        let mut rows = Lists { starts: vec![0], items: Vec::new() };
        for (row, sides) in sides.iter().enumerate() {
            rows.items.extend(linearised(matrices, *sides, row).map(|(wire, _)| wire));
            rows.starts.push(u32::try_from(rows.items.len()).expect("fewer than 2^32 factors"));
        }
        let rows_of = rows.transposed(z.len());
        Self { matrices, sides, rows, rows_of }
    }

    /// Wires with their factors, none 0, wires increasing.
    fn terms(&self, row: usize) -> impl Iterator<Item = (u32, F)> + '_ {
        linearised(self.matrices, self.sides[row], row)
    }

    /// Wires left free by the rows of `keep` while those of `held` do not move. A witness that only rows left out name is no wire of the
    /// circuit without them, and does not count.
    pub fn free(&self, held: impl Fn(usize) -> bool, keep: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut peeling = Peeling::new(self, held, keep);
        peeling.peel(self, |_, _| ());
        let mut rest = Elimination::new(self, peeling);
        rest.run();
        let mut free = rest.free();
        if !free.is_empty() {
            let [kept, left_out] = [true, false].map(|kept| self.named(|row| rest.peeling.kept[row] == kept));
            free.retain(|wire| *wire <= self.matrices.n_inputs || kept[*wire] || !left_out[*wire]);
        }
        free
    }

    /// Of each wire: whether one of these rows names it.
    fn named(&self, rows: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut named = vec![false; self.matrices.wires()];
        for row in (0..self.matrices.rows()).filter(|row| rows(*row)) {
            for matrix in [&self.matrices.a, &self.matrices.b, &self.matrices.c] {
                matrix.row(row).for_each(|(_, wire)| named[wire as usize] = true);
            }
        }
        named
    }

    /// Wires of `chosen` that nothing binds: each moved alone, with all that follows from it, breaks no row and moves no wire of
    /// `published`. `held` are the wires that do not move; those of `chosen` are held too.
    ///
    /// The sum of all that a move breaks or shows, each weighted at random, is differentiated backwards through the rows by which
    /// the wires were peeled: one pass for all choices. Wires that peeling does not reach count as not moving.
    pub fn unbound(
        &self,
        held: impl Fn(usize) -> bool,
        chosen: impl Fn(usize) -> bool,
        published: impl Fn(usize) -> bool,
        keep: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let wires = self.rows_of.starts.len() - 1;
        let mut peeling = Peeling::new(self, |wire| held(wire) || chosen(wire), keep);
        let mut pivots: Vec<(u32, u32)> = Vec::new();
        peeling.peel(self, |wire, row| pivots.push((wire, row)));
        let mut pivot_row = vec![false; self.sides.len()];
        pivots.iter().for_each(|(_, row)| pivot_row[*row as usize] = true);
        let mut slope: Vec<F> = vec![F::ZERO; wires];
        let mut weight = poseidon::hash(&[F::from(wires as u64)]);
        let mut next_weight = || {
            weight = weight.square() + F::from(7u8);
            weight
        };
        for wire in (0..wires).filter(|wire| published(*wire)) {
            slope[wire] += next_weight();
        }
        let closed = |row: &usize| peeling.kept[*row] && !pivot_row[*row] && peeling.unknown[*row] == 0;
        for row in (0..self.sides.len()).filter(closed) {
            let weight = next_weight();
            self.terms(row).for_each(|(wire, factor)| slope[wire as usize] += weight * factor);
        }
        for (wire, row) in pivots.into_iter().rev() {
            let here = std::mem::take(&mut slope[wire as usize]);
            if here == F::ZERO {
                continue;
            }
            let own = self.terms(row as usize).find(|term| term.0 == wire).expect("the pivot stands in its row").1;
            let scale = here * inverse(own);
            for (other, factor) in self.terms(row as usize).filter(|term| term.0 != wire) {
                slope[other as usize] -= scale * factor;
            }
        }
        (1..wires).filter(|wire| chosen(*wire) && slope[*wire] == F::ZERO).collect()
    }
}

/// The terms of `right·a + left·b − c` for a row with `⟨a,z⟩ = left` and `⟨b,z⟩ = right`.
fn linearised(matrices: &Matrices, [left, right]: [F; 2], row: usize) -> impl Iterator<Item = (u32, F)> + '_ {
    let mut a = matrices.a.row(row).filter(move |_| right != F::ZERO).peekable();
    let mut b = matrices.b.row(row).filter(move |_| left != F::ZERO).peekable();
    let mut c = matrices.c.row(row).peekable();
    std::iter::from_fn(move || {
        loop {
            let wire = [a.peek(), b.peek(), c.peek()].into_iter().flatten().map(|term| term.1).min()?;
            let mut factor = F::ZERO;
            if let Some((k, _)) = a.next_if(|term| term.1 == wire) {
                factor += k * right;
            }
            if let Some((k, _)) = b.next_if(|term| term.1 == wire) {
                factor += k * left;
            }
            if let Some((k, _)) = c.next_if(|term| term.1 == wire) {
                factor -= k;
            }
            if wire != 0 && factor != F::ZERO {
                return Some((wire, factor));
            }
        }
    })
}

fn inverse(x: F) -> F {
    if x == F::ONE || x == -F::ONE { x } else { x.inverse().expect("factors of a row are not 0") }
}

/// Determines wires by rows with one unknown.
struct Peeling {
    known: Vec<bool>,
    /// Of each row: how many of its wires are unknown, and their numbers' exclusive or: the number itself where there is one.
    unknown: Vec<u32>,
    mixed: Vec<u32>,
    kept: Vec<bool>,
    ready: Vec<u32>,
    /// Rows whose last unknown was settled.
    closed: Vec<u32>,
}

impl Peeling {
    fn new(tangent: &Tangent<'_>, held: impl Fn(usize) -> bool, keep: impl Fn(usize) -> bool) -> Self {
        let wires = tangent.rows_of.starts.len() - 1;
        let known: Vec<bool> = (0..wires).map(|wire| wire == 0 || held(wire)).collect();
        let rows = tangent.sides.len();
        let mut peeling = Self {
            known,
            unknown: vec![0; rows],
            mixed: vec![0; rows],
            kept: (0..rows).map(keep).collect(),
            ready: Vec::new(),
            closed: Vec::new(),
        };
        for row in (0..rows).filter(|row| peeling.kept[*row]) {
            for wire in tangent.rows.of(row).iter().filter(|wire| !peeling.known[**wire as usize]) {
                peeling.unknown[row] += 1;
                peeling.mixed[row] ^= wire;
            }
            if peeling.unknown[row] == 1 {
                peeling.ready.push(row as u32);
            }
        }
        peeling
    }

    /// Peels until no row has exactly one unknown; tells of each wire and the row that determined it.
    fn peel(&mut self, tangent: &Tangent<'_>, mut found: impl FnMut(u32, u32)) {
        while let Some(row) = self.ready.pop() {
            if self.unknown[row as usize] == 1 {
                let wire = self.mixed[row as usize];
                found(wire, row);
                self.settle(tangent, wire);
            }
        }
    }

    /// Counts a wire among those that are known or expressed.
    fn settle(&mut self, tangent: &Tangent<'_>, wire: u32) {
        self.known[wire as usize] = true;
        for row in tangent.rows_of.of(wire as usize).iter().filter(|row| self.kept[**row as usize]) {
            self.unknown[*row as usize] -= 1;
            self.mixed[*row as usize] ^= wire;
            match self.unknown[*row as usize] {
                0 => self.closed.push(*row),
                1 => self.ready.push(*row),
                _ => (),
            }
        }
    }
}

/// A combination of parameters.
type Form = BTreeMap<u32, F>;

fn add_scaled(form: &mut Form, by: &Form, factor: F) {
    for (parameter, k) in by {
        let sum = form.entry(*parameter).or_default();
        *sum += factor * k;
        if *sum == F::ZERO {
            form.remove(parameter);
        }
    }
}

/// What peeling leaves, solved over parameters: where no row has one unknown, one unknown becomes a parameter and peeling goes on, wires
/// being combinations of parameters now; rows without unknowns are equations between these.
struct Elimination<'t, 'm> {
    tangent: &'t Tangent<'m>,
    peeling: Peeling,
    /// Wires that peeling did not reach and that some kept row says something of.
    forms: BTreeMap<u32, Form>,
    /// Parameters that an equation has expressed by others, which are not.
    solved: BTreeMap<u32, Form>,
    /// Wires that no kept row says anything of.
    loose: Vec<u32>,
}

impl<'t, 'm> Elimination<'t, 'm> {
    fn new(tangent: &'t Tangent<'m>, peeling: Peeling) -> Self {
        Self { tangent, peeling, forms: BTreeMap::new(), solved: BTreeMap::new(), loose: Vec::new() }
    }

    fn run(&mut self) {
        self.peeling.closed.clear();
        for wire in 0..self.peeling.known.len() as u32 {
            if self.peeling.known[wire as usize] {
                continue;
            }
            if !self.tangent.rows_of.of(wire as usize).iter().any(|row| self.peeling.kept[*row as usize]) {
                self.loose.push(wire);
                continue;
            }
            self.express(wire, Form::from([(wire, F::ONE)]));
            self.follow();
        }
    }

    fn express(&mut self, wire: u32, form: Form) {
        self.forms.insert(wire, form);
        self.peeling.settle(self.tangent, wire);
    }

    /// Peels on, over parameters; a row that is left without an unknown and defined none is an equation.
    fn follow(&mut self) {
        let mut defining = BTreeSet::new();
        loop {
            while let Some(row) = self.peeling.closed.pop() {
                if !defining.remove(&row) {
                    let equation = self.combination(row, None);
                    self.require(equation);
                }
            }
            let Some(row) = self.peeling.ready.pop() else { return };
            if self.peeling.unknown[row as usize] == 1 {
                let wire = self.peeling.mixed[row as usize];
                let form = self.combination(row, Some(wire));
                defining.insert(row);
                self.express(wire, form);
            }
        }
    }

    /// The row's combination of parameters: of all its wires, or what `wire` must be.
    fn combination(&self, row: u32, wire: Option<u32>) -> Form {
        let mut sum = Form::new();
        let mut own = -F::ONE;
        for (other, factor) in self.tangent.terms(row as usize) {
            if Some(other) == wire {
                own = factor;
            } else if let Some(form) = self.forms.get(&other) {
                add_scaled(&mut sum, form, factor);
            }
        }
        let scale = -inverse(own);
        let mut scaled = Form::new();
        add_scaled(&mut scaled, &self.reduced(sum), scale);
        scaled
    }

    /// The form over unsolved parameters only.
    fn reduced(&self, form: Form) -> Form {
        if self.solved.is_empty() {
            return form;
        }
        let mut sum = Form::new();
        for (parameter, k) in form {
            match self.solved.get(&parameter) {
                Some(by) => add_scaled(&mut sum, by, k),
                None => add_scaled(&mut sum, &Form::from([(parameter, F::ONE)]), k),
            }
        }
        sum
    }

    /// The form is 0: solved for its last parameter.
    fn require(&mut self, mut form: Form) {
        let Some((parameter, k)) = form.pop_last() else { return };
        let mut by = Form::new();
        add_scaled(&mut by, &form, -inverse(k));
        for other in self.solved.values_mut() {
            if let Some(factor) = other.remove(&parameter) {
                add_scaled(other, &by, factor);
            }
        }
        self.solved.insert(parameter, by);
    }

    fn free(&self) -> Vec<usize> {
        let moving = self.forms.iter().filter(|(_, form)| !self.reduced((*form).clone()).is_empty());
        let mut free: Vec<usize> =
            moving.map(|(wire, _)| *wire).chain(self.loose.iter().copied()).map(|w| w as usize).collect();
        free.sort_unstable();
        free
    }
}
