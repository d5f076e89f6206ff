//! A description with everything in it, what is wrong with parameters, and garbage.

use super::*;
use std::collections::BTreeMap;

const AGENT: &str = r#"
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="web" version="1.0">
<version>1.1</version>
<longdesc lang="de">Ein Server</longdesc>
<longdesc lang="en"> A web server,
at length. </longdesc>
<shortdesc lang="en">A web server</shortdesc>
<parameters>
<parameter name="config" unique="1" required="1"><shortdesc lang="en">File</shortdesc><content type="string"/></parameter>
<parameter name="port" unique-group="address"><content type="integer" default="80"/></parameter>
<parameter name="tls"><content type="boolean" default="false"/></parameter>
<parameter name="grace"><content type="second"/></parameter>
<parameter name="mode"><content type="select"><option value="fast"/><option value="safe"/></content></parameter>
<parameter name="login" deprecated="1"><content type="string"/></parameter>
<parameter name="username" required="1" obsoletes="login" reloadable="1"><content type="string"/></parameter>
<parameter name="password"><content type="integer"/></parameter>
<parameter><content type="string"/></parameter>
</parameters>
<actions>
<action name="start" timeout="40s"/>
<action name="monitor" timeout="20" interval="10" depth="0"/>
<action name="monitor" timeout="1min" interval="500ms" role="Promoted"/>
<action name="meta-data" timeout="soon"/>
</actions>
</resource-agent>
"#;

fn params(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_description_is_read() {
    let web = Metadata::parse(AGENT).unwrap();
    assert_eq!(
        (web.name.as_str(), web.short.as_str(), web.long.as_str()),
        ("web", "A web server", "A web server,\nat length.")
    );
    let names: Vec<&str> = web.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["config", "port", "tls", "grace", "mode", "login", "username", "password"]);
    let config = web.parameter("config").unwrap();
    assert!(config.required && config.unique_group.as_deref() == Some("config") && config.kind == Kind::Text);
    let port = web.parameter("port").unwrap();
    assert_eq!((port.default.as_deref(), port.unique_group.as_deref()), (Some("80"), Some("address")));
    assert_eq!(web.parameter("mode").unwrap().kind, Kind::Choice(vec!["fast".into(), "safe".into()]));
    assert!(web.parameter("username").unwrap().reloadable);
    assert!(web.parameter("login").unwrap().deprecated.is_some());
    assert_eq!(web.advised_timeout("start"), Some(Duration::from_secs(40)));
    assert_eq!(web.advised_timeout("monitor"), Some(Duration::from_secs(60)));
    assert_eq!(web.advised_timeout("meta-data"), None);
    assert_eq!(web.actions[2].interval, Some(Duration::from_millis(500)));
    assert_eq!(web.actions[2].role.as_deref(), Some("Promoted"));
}

#[test]
fn what_can_be_reloaded_takes_an_action_that_reloads() {
    assert_eq!(Metadata::parse(AGENT).unwrap().reloadable(), [""; 0], "it calls one reloadable, but cannot reload");
    let able = AGENT.replace("<actions>", "<actions><action name=\"reload-agent\" timeout=\"10s\"/>");
    assert_eq!(Metadata::parse(&able).unwrap().reloadable(), ["username"]);
    let older = AGENT.replace("<actions>", "<actions><action name=\"reload\" timeout=\"10s\"/>");
    assert_eq!(Metadata::parse(&older).unwrap().reloadable(), [""; 0]);
}

#[test]
fn good_parameters_have_no_problems() {
    let web = Metadata::parse(AGENT).unwrap();
    let good = params(&[
        ("config", "/etc/web"),
        ("port", "8080"),
        ("tls", "Yes"),
        ("grace", "2min"),
        ("mode", "safe"),
        ("login", "an older name of username"),
    ]);
    assert_eq!(web.validate(&good), Vec::<String>::new());
}

#[test]
fn each_mistake_is_a_sentence() {
    let web = Metadata::parse(AGENT).unwrap();
    let bad = params(&[
        ("confg", "/etc/web"),
        ("grace", "a while"),
        ("mode", "slow"),
        ("password", "hunter2"),
        ("port", "http"),
        ("tls", "maybe"),
        ("zzzzzzzz", ""),
    ]);
    assert_eq!(
        web.validate(&bad),
        [
            r#"web has no parameter "confg"; did you mean "config"?"#,
            r#"parameter "grace" is "a while", but takes a length of time such as "20s""#,
            r#"parameter "mode" is "slow", but takes one of fast, safe"#,
            r#"parameter "password" is "***", but takes a whole number"#,
            r#"parameter "port" is "http", but takes a whole number"#,
            r#"parameter "tls" is "maybe", but takes true or false"#,
            r#"web has no parameter "zzzzzzzz"; it knows config, port, tls, grace, mode, login, username, password"#,
            r#"parameter "config" (File) is required by web"#,
            r#"parameter "username" is required by web"#,
        ]
    );
}

#[test]
fn garbage_is_refused_in_words() {
    let refusal = |text: &str| Metadata::parse(text).unwrap_err().to_string();
    assert!(refusal("").starts_with("the description is not XML"));
    assert!(refusal("usage: web {start|stop}").starts_with("the description is not XML"));
    assert_eq!(refusal("<html/>"), "the description begins with <html>, not with <resource-agent>");
    assert!(refusal(&" ".repeat(METADATA_LIMIT + 1)).contains("more than"));
    let deep = "<a>".repeat(50_000);
    assert!(refusal(&deep).starts_with("the description is not XML"));
}

#[test]
fn entities_cannot_blow_up() {
    let mut bomb = String::from("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a0 \"aaaaaaaaaaaaaaaa\">");
    for level in 1..20 {
        let inner = format!("&a{};", level - 1).repeat(16);
        bomb.push_str(&format!("<!ENTITY a{level} \"{inner}\">"));
    }
    bomb.push_str("]><resource-agent name=\"x\"><longdesc>&a19;</longdesc></resource-agent>");
    assert!(matches!(Metadata::parse(&bomb), Err(MetadataError::NotXml(_))));
}

#[test]
fn lengths_of_time_are_read_as_agents_write_them() {
    for (text, milliseconds) in [("20", 20_000), ("20s", 20_000), (" 5 min ", 300_000), ("1h", 3_600_000), ("70ms", 70)]
    {
        assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "s", "-1", "1fortnight", "99999999999999999999", "18446744073709551615h"] {
        assert_eq!(duration(text), None, "{text}");
    }
}
