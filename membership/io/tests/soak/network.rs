//! Hosts in network namespaces: each with one interface per link, each link a switch of its own that can be told to
//! fail. Everything goes away with the value.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The rules of the switch: who may not hear whom.
const SWITCH_RULES: &str = "table bridge cut {\n set pairs { type ifname . ifname; }\n set in { type ifname; }\n \
     chain passing { type filter hook forward priority 0; iifname . oifname @pairs drop; iifname @in drop; \
     oifname @in drop; }\n}";

/// The network.
pub struct Network {
    prefix: String,
    hosts: Vec<String>,
    links: usize,
}

/// Runs a program to its end; its standard output, or what went wrong.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let told = || format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", told()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{}: {}{}", told(), output.status, String::from_utf8_lossy(&output.stderr)))
    }
}

impl Network {
    /// One host per name, joined by `links` switches. `label` tells networks of one process apart.
    pub fn up(label: &str, hosts: &[&str], links: usize) -> Result<Network, String> {
        let prefix = format!("rs{}{label}", std::process::id() % 100_000);
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let network = Network { prefix, hosts, links };
        let switch = network.switch();
        run("ip", &["netns", "add", &switch])?;
        for host in &network.hosts {
            let space = network.space(host);
            run("ip", &["netns", "add", &space])?;
            run("ip", &["-n", &space, "link", "set", "lo", "up"])?;
            // A host tells each other one only once a second that nobody listens at a port, after half a dozen at once.
            // That is plenty for a process that dies now and then, but not for stories in which they die all the time.
            run("nsenter", &[&format!("--net=/run/netns/{space}"), "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0"])?;
        }
        for link in 0..links {
            let bridge = format!("br{link}");
            let kind = ["link", "add", &bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0"];
            run("ip", &[&["-n", &switch], &kind[..]].concat())?;
            run("ip", &["-n", &switch, "link", "set", &bridge, "up"])?;
            for host in 0..network.hosts.len() {
                network.plug(host, link)?;
            }
        }
        run("nsenter", &[&format!("--net=/run/netns/{switch}"), "nft", SWITCH_RULES])?;
        network.forwards()?;
        Ok(network)
    }

    fn plug(&self, host: usize, link: usize) -> Result<(), String> {
        let (switch, space) = (self.switch(), self.space(&self.hosts[host]));
        let (port, card) = (port(host, link), format!("eth{link}"));
        let veth = ["link", "add", &port, "type", "veth", "peer", "name", &card, "netns", &space];
        run("ip", &[&["-n", &switch], &veth[..]].concat())?;
        run("ip", &["-n", &switch, "link", "set", &port, "master", &format!("br{link}"), "up"])?;
        let address = format!("{}/24", self.address(&self.hosts[host], link));
        run("ip", &["-n", &space, "addr", "add", &address, "dev", &card])?;
        run("ip", &["-n", &space, "link", "set", &card, "up"])?;
        Ok(())
    }

    /// Waits until all ports of the switch pass packets, and all hosts know that they have a cable: after it was
    /// plugged in, both take up to a second.
    pub fn forwards(&self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(10);
        let wanted = self.hosts.len() * self.links;
        loop {
            let mut text = run("ip", &["-n", &self.switch(), "-d", "link", "show"])?;
            let ports = text.matches("state forwarding").count();
            let mut cards = 0;
            for host in &self.hosts {
                let own = run("ip", &["-n", &self.space(host), "link", "show"])?;
                cards += own.matches(" state UP ").count();
                text += &own;
            }
            if ports >= wanted && cards >= wanted {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("the network does not come up:\n{text}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Empties the neighbour table of a host, as a machine that boots has it. The kernel asks for an address that did
    /// not answer again only after a second, and while the cable was out none did.
    pub fn forget_neighbours(&self, host: &str) -> Result<(), String> {
        run("ip", &["-n", &self.space(host), "neigh", "flush", "nud", "all"])?;
        Ok(())
    }

    fn rank(&self, host: &str) -> usize {
        self.hosts.iter().position(|known| known == host).expect("stories name hosts of their own network")
    }

    fn switch(&self) -> String {
        format!("{}-sw", self.prefix)
    }

    /// The namespace of a host.
    pub fn space(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    /// The address of a host on a link.
    pub fn address(&self, host: &str, link: usize) -> String {
        format!("10.79.{link}.{}", self.rank(host) + 1)
    }

    /// From now on only packets of so many bytes at most, IP header and all, pass between a host and the switch of a
    /// link; larger ones vanish without a word, as they do behind a tunnel whose far end answers nothing.
    pub fn narrow(&self, host: &str, link: usize, bytes: u32) -> Result<(), String> {
        let (port, bytes) = (port(self.rank(host), link), bytes.to_string());
        run("ip", &["-n", &self.switch(), "link", "set", &port, "mtu", &bytes])?;
        Ok(())
    }

    /// Hosts hand over packets one by one: those that a kernel hands over in one piece are not looked at by a switch
    /// that is made of the same kernel.
    pub fn one_by_one(&self) -> Result<(), String> {
        for host in &self.hosts {
            for link in 0..self.links {
                let card = format!("eth{link}");
                run("ip", &["-n", &self.space(host), "link", "set", &card, "gso_max_segs", "1"])?;
            }
        }
        Ok(())
    }

    /// From now on every host loses this many of a hundred packets on its way in, at random.
    pub fn loss(&self, percent: u32) -> Result<(), String> {
        let rules = format!(
            "add table inet noise\ndelete table inet noise\ntable inet noise {{\n chain in {{ type filter hook input \
             priority 0; iifname \"eth*\" numgen random mod 100 < {percent} drop; }}\n}}"
        );
        for host in &self.hosts {
            run("nsenter", &[&format!("--net=/run/netns/{}", self.space(host)), "nft", &rules])?;
        }
        Ok(())
    }

    /// Pulls the cable of a host on a link, or plugs it in.
    pub fn cable(&self, host: &str, link: usize, plugged: bool) -> Result<(), String> {
        let state = if plugged { "up" } else { "down" };
        run("ip", &["-n", &self.switch(), "link", "set", &port(self.rank(host), link), state])?;
        Ok(())
    }

    /// What `from` sends on `link` no longer reaches `to`; the other way still works.
    pub fn block(&self, from: &str, to: &str, link: usize) -> Result<(), String> {
        let element = format!("{{ {} . {} }}", port(self.rank(from), link), port(self.rank(to), link));
        self.cut("add", "pairs", &element)
    }

    /// Undoes [`Network::block`].
    pub fn unblock(&self, from: &str, to: &str, link: usize) -> Result<(), String> {
        let element = format!("{{ {} . {} }}", port(self.rank(from), link), port(self.rank(to), link));
        self.cut("delete", "pairs", &element)
    }

    fn cut(&self, verb: &str, set: &str, element: &str) -> Result<(), String> {
        let space = format!("--net=/run/netns/{}", self.switch());
        run("nsenter", &[&space, "nft", verb, "element", "bridge", "cut", set, element])?;
        Ok(())
    }
}

fn port(host: usize, link: usize) -> String {
    format!("h{host}l{link}")
}

impl Drop for Network {
    fn drop(&mut self) {
        let spaces = self.hosts.iter().map(|host| self.space(host)).chain([self.switch()]);
        for space in spaces {
            // What was never made need not be removed.
            let _ = run("ip", &["netns", "del", &space]);
        }
    }
}
