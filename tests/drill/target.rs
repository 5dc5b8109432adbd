use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{ErrorKind, Source, Target};
use drcore_tests::{Database, parse};

/// By which the database must be named.
async fn name(url: &str) -> String {
    let source = Source::connect(url).await.unwrap();
    let options = drcore::collect::CollectOptions::default();
    let evidence = drcore::collect::collect(&source, &parse(""), None, &options).await.unwrap();
    evidence.run.server.unwrap().project().unwrap()
}

async fn refused(url: &str, project: &str) -> String {
    let error = Target::connect(url, project).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    let detail = error.detail_text().unwrap().to_owned();
    assert!(detail.contains('≠'), "{detail}");
    detail
}

#[tokio::test]
async fn a_scratch_cluster_that_is_named_is_accepted() {
    let database = Database::empty().await;
    let url = database.url().await;
    let name = name(&url).await;
    assert_eq!(Target::connect(&url, &name).await.unwrap().project(), name);
}

#[tokio::test]
async fn another_name_is_refused() {
    let (database, other) = (Database::empty().await, Database::empty().await);
    let url = database.url().await;
    for wrong in ["", "postgres", &database.name, &name(&other.url().await).await, "t1@1"] {
        let detail = refused(&url, wrong).await;
        assert!(detail.contains("name") && detail.contains(&name(&url).await), "{detail}");
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_called_ours_is_refused() {
    let mut options = ScratchOptions::default();
    options.settings.push(("cluster_name".to_owned(), "main".to_owned()));
    let cluster = ScratchCluster::start(options).await.unwrap();
    let url = cluster.url("postgres");
    let detail = refused(&url, &name(&url).await).await;
    assert!(detail.contains("cluster_name") && detail.contains("main"), "{detail}");
}

#[tokio::test]
async fn a_cluster_without_our_marker_is_refused() {
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    let url = cluster.url("postgres");
    let name = name(&url).await;
    let marker = cluster.socket_directory().join("drcore-scratch");
    std::fs::write(&marker, "1").unwrap();
    assert!(refused(&url, &name).await.contains("marker"));
    std::fs::remove_file(&marker).unwrap();
    assert!(refused(&url, &name).await.contains("marker"));
}

#[tokio::test]
async fn a_data_directory_elsewhere_is_refused() {
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    let name = name(&cluster.url("postgres")).await;
    // The same server through another directory, where somebody put a socket and our marker.
    let other = tempfile::tempdir().unwrap();
    let socket = ".s.PGSQL.5432";
    std::os::unix::fs::symlink(cluster.socket_directory().join(socket), other.path().join(socket)).unwrap();
    let marker = "drcore-scratch";
    std::fs::copy(cluster.socket_directory().join(marker), other.path().join(marker)).unwrap();
    let url = cluster.url("postgres");
    let here = cluster.socket_directory().display().to_string().replace('/', "%2F");
    let there = other.path().display().to_string().replace('/', "%2F");
    assert!(url.contains(&here));
    assert!(refused(&url.replace(&here, &there), &name).await.contains("data directory"));
}

#[tokio::test]
async fn a_role_that_may_not_look_is_refused() {
    let database = Database::with("create role target_reader login").await;
    let url = database.url_as("target_reader").await;
    let detail = refused(&url, &name(&database.url().await).await).await;
    assert!(detail.contains("superuser"), "{detail}");
}
