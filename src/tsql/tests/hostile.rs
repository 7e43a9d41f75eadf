//! Names that try to break out of their quotes, for the tests of this folder and of `plan`.

/// Each is a name some server could show.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "]",
        "]]",
        "[x]",
        "a]b",
        "a]]b",
        "'",
        "''",
        "o'Brien",
        "x'; DROP LOGIN [sa]; --",
        "x]; DROP LOGIN [sa]; --",
        "--",
        "-- x",
        "/* x",
        "*/ x",
        "a\nb",
        "a\r\nGO\r\nb",
        "\"quoted\"",
        "$(PATH)",
        "%s{}",
        "a b",
        " lead",
        "\u{202e}txt.exe",
        "\u{ff07}\u{ff3d}\u{ff0d}\u{ff0d}",
        "\u{1F512}\u{1F511}",
        "Z\u{0335}\u{0327}algo",
        "\u{feff}bom",
        "naïve_été",
        "GO",
        "##not_ours",
        r"CORP\svc",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("]".repeat(128));
    names.push("'".repeat(128));
    names.push("\u{1F512}".repeat(64));
    names
}

/// Those of them that mirrorgate may give to what it creates.
pub(crate) fn object_names() -> Vec<crate::domain::object_name::ObjectName> {
    names()
        .iter()
        .filter_map(|name| crate::domain::object_name::ObjectName::parse(name).ok())
        .collect()
}
