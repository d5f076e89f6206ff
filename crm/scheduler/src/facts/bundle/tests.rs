//! Facts of small bundles.

use super::*;

#[test]
fn a_range_of_addresses_ends() {
    let parts = situation::Bundle {
        network: Some(situation::NetworkOptions {
            ip_range_start: Some("192.168.122.253".into()),
            ..situation::NetworkOptions::default()
        }),
        ..situation::Bundle::default()
    };
    let network = Network::of(&parts, 3);
    assert_eq!(network.address(1), Some(Ipv4Addr::new(192, 168, 122, 254)));
    assert_eq!(network.address(2), None);
    assert_eq!(network.address(9), None);
}

#[test]
fn as_many_replicas_as_promoted_ones_unless_told_otherwise() {
    let mut container = situation::Container { promoted_max: Some("2".into()), ..situation::Container::default() };
    assert_eq!(Size::of(&container), Size { replicas: 2, per_host: 1, promoted: 2 });
    container.replicas = Some("3".into());
    container.replicas_per_host = Some("0".into());
    assert_eq!(Size::of(&container), Size { replicas: 3, per_host: 1, promoted: 2 });
}

#[test]
fn a_container_is_called_as_recorded() {
    let parts = situation::Bundle {
        container: situation::Container {
            technology: "docker".into(),
            image: "pcmktest:http".into(),
            options: Some("--log-driver=journald".into()),
            ..situation::Container::default()
        },
        network: Some(situation::NetworkOptions {
            ip_range_start: Some("192.168.20.188".into()),
            ports: vec![situation::BundlePort { port: Some("80".into()), ..situation::BundlePort::default() }],
            ..situation::NetworkOptions::default()
        }),
        storage: vec![situation::Mount {
            source_dir_root: Some("/var/local/containers".into()),
            target_dir: "/var/www/html".into(),
            options: Some("rw".into()),
            ..situation::Mount::default()
        }],
        primitive: Some(situation::Resource::default()),
    };
    let params = container::params("httpd-bundle", &parts, &Network::of(&parts, 2), 1);
    let wanted = " --restart=no -h httpd-bundle-1 -e PCMK_stderr=1 -e PCMK_remote_port=3121 \
        -v /var/local/containers/httpd-bundle-1:/var/www/html:rw -v /etc/pacemaker/authkey:/etc/pacemaker/authkey \
        -v /var/log/pacemaker/bundles/httpd-bundle-1:/var/log -p 192.168.20.189:80:80 -p 192.168.20.189:3121:3121 \
        --log-driver=journald  --add-host=httpd-bundle-0:192.168.20.188 --add-host=httpd-bundle-1:192.168.20.189";
    assert_eq!(params["run_opts"], wanted);
    assert_eq!(
        params["mount_points"],
        "/var/local/containers/httpd-bundle-1,/var/log/pacemaker/bundles/httpd-bundle-1"
    );
    assert_eq!(params["run_cmd"], "/usr/sbin/pacemaker-remoted");
}
