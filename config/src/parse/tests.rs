use super::parse;

#[test]
fn a_small_file_is_read() {
    let text = r#"
[cluster]
name = "web"
[nodes.alpha]
addresses = ["10.0.0.1"]
[nodes.beta]
addresses = ["10.0.0.2"]
[nodes.gamma]
addresses = ["10.0.0.3"]
[fencing.bmc]
agent = "fence_dummy"
nodes = ["alpha", "beta", "gamma"]
[resources.site]
start = "true"
stop = "true"
check = "true"
monitor = "1s"
prefer = { alpha = 50 }
"#;
    let parsed = parse(text);
    assert_eq!(parsed.problems, []);
    println!("{:#?}", parsed.config);
}
