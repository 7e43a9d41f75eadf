//! How large each part is: `MIRRORGATE_BENCH_…`, which `scripts/bench --short` sets.

/// The number that the environment names, or the one of the full form.
pub fn number(name: &str, default: usize) -> usize {
    let name = format!("MIRRORGATE_BENCH_{name}");
    match std::env::var(&name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    }
}

/// Several of them, separated by commas.
pub fn numbers(name: &str, default: &[usize]) -> Vec<usize> {
    let name = format!("MIRRORGATE_BENCH_{name}");
    let read = |text: String| {
        text.split(',')
            .map(|one| one.parse().unwrap_or_else(|_| panic!("{name}: {one}")))
            .collect()
    };
    std::env::var(&name).map_or_else(|_| default.to_vec(), read)
}
