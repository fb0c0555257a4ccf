//! Eight numbers at once: the few operations that the network is made of.
//!
//! Two kinds: AVX2 with FMA, which most servers have, and plain arrays, which the compiler turns
//! into what the target has for certain. The plain kind multiplies and adds in two steps: where there
//! is no fused instruction, `f32::mul_add` is a call into the C library, forty times slower.

pub(super) const LANES: usize = 8;

/// Proof that an instruction set is there, and what can be done with it.
///
/// Everything is `inline(always)`: only so it ends up in the function for which
/// [`run`](Lanes::run) switched the instructions on.
pub(super) trait Lanes: Copy {
    type Eight: Copy;

    /// Runs a whole computation with these instructions.
    fn run<C: Computation>(self, computation: C) -> C::Output;

    fn load(self, values: &[f32; LANES]) -> Self::Eight;
    fn store(self, values: Self::Eight) -> [f32; LANES];
    fn splat(self, value: f32) -> Self::Eight;
    fn add(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn mul(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn div(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn min(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn max(self, a: Self::Eight, b: Self::Eight) -> Self::Eight;
    fn sqrt(self, a: Self::Eight) -> Self::Eight;
    /// a · b + c, rounded once or twice.
    fn mul_add(self, a: Self::Eight, b: Self::Eight, c: Self::Eight) -> Self::Eight;
    /// a · 2ⁿ, where n is the integer in the lowest bits of `n`, as [`MAGIC`] leaves it there.
    fn scale(self, a: Self::Eight, n: Self::Eight) -> Self::Eight;
}

pub(super) trait Computation {
    type Output;
    fn with<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Runs a computation with the best instructions of this processor.
pub(super) fn run<C: Computation>(computation: C) -> C::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = pulp::x86::V3::try_new() {
        return avx2.run(computation);
    }
    Plain.run(computation)
}

/// Adding this to a number of less than 2²² leaves the nearest integer in the lowest bits.
const MAGIC: f32 = 12_582_912.0;

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(super) fn sigmoid<L: Lanes>(lanes: L, x: L::Eight) -> L::Eight {
    let one = lanes.splat(1.0);
    lanes.div(one, lanes.add(one, exp(lanes, lanes.mul(x, lanes.splat(-1.0)))))
}

/// As 2 σ(2x) − 1: exact enough where the result is added to something.
#[inline(always)]
pub(super) fn tanh<L: Lanes>(lanes: L, x: L::Eight) -> L::Eight {
    let two = lanes.splat(2.0);
    lanes.mul_add(sigmoid(lanes, lanes.mul(x, two)), two, lanes.splat(-1.0))
}

/// eˣ as 2ⁿ · eʳ with |r| ≤ ln 2 / 2, where eight terms of the series are as good as the format.
/// Beyond ±80 it is e⁸⁰ or e⁻⁸⁰.
#[inline(always)]
fn exp<L: Lanes>(lanes: L, x: L::Eight) -> L::Eight {
    // ln 2 in two parts: the first has so few digits that n times it is exact
    const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
    const SERIES: [f32; 7] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let x = lanes.max(lanes.min(x, lanes.splat(80.0)), lanes.splat(-80.0));
    let n = lanes.mul_add(x, lanes.splat(std::f32::consts::LOG2_E), lanes.splat(MAGIC));
    let whole = lanes.add(n, lanes.splat(-MAGIC));
    let [high, low] = LN_2.map(|part| lanes.splat(-part));
    let r = lanes.mul_add(whole, low, lanes.mul_add(whole, high, x));
    let mut sum = lanes.splat(1.0 / 5040.0);
    for term in SERIES {
        sum = lanes.mul_add(sum, r, lanes.splat(term));
    }
    lanes.scale(sum, n)
}

#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V3 {
    type Eight = pulp::f32x8;

    #[inline(always)]
    fn run<C: Computation>(self, computation: C) -> C::Output {
        struct With<C>(pulp::x86::V3, C);
        impl<C: Computation> pulp::NullaryFnOnce for With<C> {
            type Output = C::Output;
            #[inline(always)]
            fn call(self) -> C::Output {
                self.1.with(self.0)
            }
        }
        self.vectorize(With(self, computation))
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Self::Eight {
        pulp::bytemuck::cast(*values)
    }

    #[inline(always)]
    fn store(self, values: Self::Eight) -> [f32; LANES] {
        pulp::bytemuck::cast(values)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Eight {
        self.splat_f32x8(value)
    }

    #[inline(always)]
    fn add(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        self.add_f32x8(a, b)
    }

    #[inline(always)]
    fn mul(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        self.mul_f32x8(a, b)
    }

    #[inline(always)]
    fn div(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        self.div_f32x8(a, b)
    }

    #[inline(always)]
    fn min(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        self.min_f32x8(a, b)
    }

    #[inline(always)]
    fn max(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        self.max_f32x8(a, b)
    }

    #[inline(always)]
    fn sqrt(self, a: Self::Eight) -> Self::Eight {
        self.sqrt_f32x8(a)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Eight, b: Self::Eight, c: Self::Eight) -> Self::Eight {
        self.mul_add_f32x8(a, b, c)
    }

    #[inline(always)]
    fn scale(self, a: Self::Eight, n: Self::Eight) -> Self::Eight {
        let exponent = self.shl_const_u32x8::<23>(pulp::bytemuck::cast(n));
        pulp::bytemuck::cast(self.wrapping_add_u32x8(pulp::bytemuck::cast(a), exponent))
    }
}

/// What every target has.
#[derive(Clone, Copy)]
pub(super) struct Plain;

#[inline(always)]
fn each(mut a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = f(*a, b);
    }
    a
}

impl Lanes for Plain {
    type Eight = [f32; LANES];

    fn run<C: Computation>(self, computation: C) -> C::Output {
        computation.with(self)
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Self::Eight {
        *values
    }

    #[inline(always)]
    fn store(self, values: Self::Eight) -> [f32; LANES] {
        values
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Eight {
        [value; LANES]
    }

    #[inline(always)]
    fn add(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        each(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn mul(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        each(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        each(a, b, |a, b| a / b)
    }

    #[inline(always)]
    fn min(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        each(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn max(self, a: Self::Eight, b: Self::Eight) -> Self::Eight {
        each(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn sqrt(self, a: Self::Eight) -> Self::Eight {
        a.map(f32::sqrt)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Eight, b: Self::Eight, c: Self::Eight) -> Self::Eight {
        self.add(self.mul(a, b), c)
    }

    #[inline(always)]
    fn scale(self, a: Self::Eight, n: Self::Eight) -> Self::Eight {
        each(a, n, |a, n| f32::from_bits(a.to_bits().wrapping_add(n.to_bits() << 23)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Curves(f32);

    impl Computation for Curves {
        type Output = [f32; 2];

        #[inline(always)]
        fn with<L: Lanes>(self, lanes: L) -> [f32; 2] {
            let x = lanes.splat(self.0);
            [sigmoid(lanes, x), tanh(lanes, x)].map(|y| lanes.store(y)[LANES - 1])
        }
    }

    #[test]
    fn the_curves_are_right_with_any_instructions() {
        for n in -40_000..=40_000 {
            let x = n as f32 / 400.0;
            let exact = [1.0 / (1.0 + (-f64::from(x)).exp()), f64::from(x).tanh()];
            for curves in [run(Curves(x)), Plain.run(Curves(x))] {
                for (curve, exact) in curves.into_iter().zip(exact) {
                    assert!((f64::from(curve) - exact).abs() < 3e-7, "{x}: {curve}, not {exact}");
                }
            }
        }
    }
}
