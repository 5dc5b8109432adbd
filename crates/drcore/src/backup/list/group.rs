//! Objects by the backup that they belong to.

use std::collections::BTreeMap;

use crate::backup::layout::{self, DIRECTORY, DUMP, DumpFormat, Foreign, Named, Part};
use crate::backup::shelf::Object;

/// What lies in a repository under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::backup) struct Group {
    pub(in crate::backup) manifest: Option<Object>,
    pub(in crate::backup) begun: Option<Object>,
    pub(in crate::backup) verified: Option<Object>,
    pub(in crate::backup) baseline: Vec<Object>,
    /// The dump.
    pub(in crate::backup) data: Vec<Object>,
    /// What its name says, of a dump that somebody else made.
    pub(in crate::backup) foreign: Option<Foreign>,
}

impl Group {
    /// Everything of it.
    pub(in crate::backup) fn objects(&self) -> impl Iterator<Item = &Object> {
        let single = [&self.manifest, &self.begun, &self.verified].into_iter().flatten();
        self.data.iter().chain(&self.baseline).chain(single)
    }

    fn is_ours(&self) -> bool {
        self.manifest.is_some() || self.begun.is_some()
    }
}

/// The groups of these objects by name, and how many objects belong to none.
pub(in crate::backup) fn groups(objects: Vec<Object>) -> (BTreeMap<String, Group>, u64) {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let (mut dumps, mut others) = (Vec::new(), Vec::new());
    for object in objects {
        match layout::read(&object.name) {
            Named::Part(name, part) => {
                let group = groups.entry(name).or_default();
                match part {
                    Part::Baseline => group.baseline.push(object),
                    Part::Begun => group.begun = Some(object),
                    Part::Data => group.data.push(object),
                    Part::Manifest => group.manifest = Some(object),
                    Part::Verified => group.verified = Some(object),
                }
            }
            Named::Foreign(foreign) => dumps.push((foreign, object)),
            Named::Other => others.push(object),
        }
    }
    let mut foreigners: BTreeMap<String, Group> = BTreeMap::new();
    for (foreign, object) in dumps {
        let ours = object.name.strip_suffix(DUMP).and_then(|name| groups.get_mut(name));
        if let Some(group) = ours.filter(|group| group.is_ours()) {
            group.data.push(object);
        } else {
            let group = Group { data: vec![object], foreign: Some(foreign.clone()), ..Group::default() };
            foreigners.insert(foreign.name, group);
        }
    }
    let mut lone = 0;
    groups.retain(|name, group| {
        if group.is_ours() {
            return true;
        }
        lone += adopt(name, std::mem::take(group), &mut foreigners);
        false
    });
    for object in others {
        // What lies in a directory that is a dump belongs to it.
        let directory = object.name.rsplit_once('/').map(|(directory, _)| directory);
        let dump = directory.and_then(|directory| foreigners.get_mut(directory));
        match dump.filter(|group| group.foreign.as_ref().is_some_and(|f| f.format == DumpFormat::Directory)) {
            Some(group) => group.data.push(object),
            None => lone += 1,
        }
    }
    groups.extend(foreigners);
    (groups, lone)
}

/// What looks like ours, and of which neither marker nor manifest is there: a baseline or a record that somebody put
/// beside a dump of his own; a directory whose manifest is gone. Gives how many objects belong to nothing.
fn adopt(name: &str, group: Group, foreigners: &mut BTreeMap<String, Group>) -> u64 {
    let beside = foreigners
        .iter_mut()
        .find(|(foreign, _)| {
            *foreign == name || foreign.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        })
        .map(|(_, foreign)| foreign);
    if let Some(foreign) = beside {
        foreign.baseline.extend(group.baseline);
        foreign.verified = foreign.verified.take().or(group.verified);
        return group.data.len() as u64;
    }
    let contents = format!("{name}{DIRECTORY}/toc.dat");
    if group.data.iter().any(|object| object.name == contents) {
        let name = format!("{name}{DIRECTORY}");
        let foreign = Foreign { name: name.clone(), format: DumpFormat::Directory, wrapped: None };
        foreigners.insert(name, Group { foreign: Some(foreign), ..group });
        return 0;
    }
    group.objects().count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(names: &[&str]) -> Vec<Object> {
        let object = |name: &&str| Object { name: (*name).to_owned(), bytes: 1, modified: None, etag: None };
        names.iter().map(object).collect()
    }

    /// `name: state data+baseline` of each group, and what belongs to none.
    fn shown(names: &[&str]) -> (Vec<String>, u64) {
        let (groups, lone) = groups(objects(names));
        let shown = |(name, group): (&String, &Group)| {
            let is = match group {
                Group { manifest: Some(_), .. } => "manifest",
                Group { begun: Some(_), .. } => "begun",
                Group { foreign: Some(_), .. } => "foreign",
                _ => "nothing",
            };
            let verified = if group.verified.is_some() { " verified" } else { "" };
            format!("{name}: {is} {}+{}{verified}", group.data.len(), group.baseline.len())
        };
        (groups.iter().map(shown).collect(), lone)
    }

    #[test]
    fn objects_belong_to_the_backup_of_their_name() {
        let (groups, lone) = shown(&[
            "d/backup-1.baseline.json",
            "d/backup-1.baseline.sketches",
            "d/backup-1.dump",
            "d/backup-1.manifest.json",
            "d/backup-1.verified.json",
            "d/backup-2.begun.json",
            "d/backup-2.dump",
            "d/backup-3.dump",
            "d/backup-3.dump.gz",
            "d/backup-4.dir/12.dat.gz",
            "d/backup-4.dir/toc.dat",
            "d/backup-4.manifest.json",
            "notes.txt",
        ]);
        assert_eq!(
            groups,
            [
                "d/backup-1: manifest 1+2 verified",
                "d/backup-2: begun 1+0",
                "d/backup-3.dump: foreign 1+0",
                "d/backup-3.dump.gz: foreign 1+0",
                "d/backup-4: manifest 2+0",
            ]
        );
        assert_eq!(lone, 1);
    }

    #[test]
    fn what_stands_beside_a_foreign_dump_is_its_own() {
        let (groups, lone) = shown(&[
            "prod.dump.gz",
            "prod.baseline.json",
            "prod.dump.gz.verified.json",
            "nightly/1/toc.dat",
            "nightly/1/12.dat.gz",
            "nightly/1/blobs.toc",
            "nightly/2/12.dat.gz",
            "lost.dir/toc.dat",
            "lost.dir/7.dat.gz",
            "alone.baseline.json",
        ]);
        assert_eq!(
            groups,
            ["lost.dir: foreign 2+0", "nightly/1: foreign 3+0", "prod.dump.gz: foreign 1+1 verified",]
        );
        assert_eq!(lone, 2);
    }
}
