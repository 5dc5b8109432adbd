//! The members of a tar file.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read};

use super::damage::{ArchiveDamage, DamageKind, Fault};
use super::directory::large_object;
use super::entry::{ArchiveEntry, Data};
use super::parts::{Deaf, Part, Teller, Told};

/// A tar file is made of such blocks.
const BLOCK: usize = 512;

/// Reads a tar file from front to back.
pub(super) struct Tar<R> {
    input: R,
    at: u64,
}

/// What stands before the bytes of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) size: u64,
}

impl<R: BufRead> Tar<R> {
    /// Of what begins at this byte.
    pub(super) fn new(input: R, at: u64) -> Self {
        Self { input, at }
    }

    /// The next member; none at the end, which is two empty blocks, and nothing but more of these.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Fault> {
        let begin = self.at;
        let mut header = [0; BLOCK];
        self.fill(&mut header)?;
        if header == [0; BLOCK] {
            self.fill(&mut header)?;
            return if header == [0; BLOCK] {
                self.only_zeros()?;
                Ok(None)
            } else {
                Err(Fault::broken("one empty block is no end of a tar file").at(begin))
            };
        }
        Member::parse(&header).map(Some).map_err(|message| Fault::broken(message).at(begin))
    }

    /// The bytes of a member; whoever asks for them reads all of them, then [`skip`](Self::skip)s what is left.
    pub(super) fn content(&mut self, member: &Member) -> io::Take<&mut R> {
        (&mut self.input).take(member.size)
    }

    /// Goes on behind a member of which so many bytes were left.
    pub(super) fn skip(&mut self, member: &Member, left: u64) -> Result<(), Fault> {
        self.at += member.size - left;
        self.pass(left)?;
        self.pass(member.size.next_multiple_of(BLOCK as u64) - member.size)
    }

    fn pass(&mut self, length: u64) -> Result<(), Fault> {
        let passed = io::copy(&mut (&mut self.input).take(length), &mut io::sink())
            .map_err(|error| Fault::from(error).at(self.at))?;
        self.at += passed;
        if passed < length {
            Err(Fault::cut("it ends here, in the middle of a file").at(self.at))
        } else {
            Ok(())
        }
    }

    fn only_zeros(&mut self) -> Result<(), Fault> {
        loop {
            let bytes = self.input.fill_buf().map_err(|error| Fault::from(error).at(self.at))?;
            if bytes.is_empty() {
                return Ok(());
            }
            if let Some(at) = bytes.iter().position(|byte| *byte != 0) {
                return Err(Fault::broken("bytes follow the end of the tar file").at(self.at + at as u64));
            }
            let length = bytes.len();
            self.input.consume(length);
            self.at += length as u64;
        }
    }

    fn fill(&mut self, block: &mut [u8; BLOCK]) -> Result<(), Fault> {
        let end = |error: io::Error| match Fault::from(error) {
            Fault::Damaged(ArchiveDamage { kind: DamageKind::Truncated, .. }) => {
                Fault::cut("it ends here, before the end of a tar file")
            }
            other => other,
        };
        self.input.read_exact(block).map_err(|error| end(error).at(self.at))?;
        self.at += BLOCK as u64;
        Ok(())
    }
}

/// Reads the data of all entries of an archive that is a tar file, behind its table of contents.
pub(super) struct TarData<'a, R> {
    tar: Tar<R>,
    /// Places of entries, by the files that their data is in.
    files: BTreeMap<&'a str, usize>,
    /// Places of the entries of large objects. Their list comes after them.
    large: VecDeque<usize>,
}

impl<'a, R: BufRead> TarData<'a, R> {
    pub(super) fn new(tar: Tar<R>, entries: &'a [ArchiveEntry], data: &'a [Data]) -> Self {
        let (mut files, mut large) = (BTreeMap::new(), VecDeque::new());
        for (place, (entry, data)) in entries.iter().zip(data).enumerate() {
            match data {
                Data::File(_) if entry.is_large_objects() => large.push_back(place),
                Data::File(file) => drop(files.insert(file.as_str(), place)),
                _ => {}
            }
        }
        Self { tar, files, large }
    }

    /// Tells all of it.
    pub(super) fn tell(mut self, teller: &Teller) -> Result<(), Deaf> {
        let mut oids = Oids::default();
        loop {
            let member = match self.tar.next() {
                Ok(Some(member)) => member,
                Ok(None) => return Ok(()),
                Err(fault) => return teller.tell(fault.into()),
            };
            let told = self.member(&member, &mut oids, teller)?;
            if let Err(fault) = told {
                return teller.tell(fault.in_file(&member.name).into());
            }
        }
    }

    fn member(
        &mut self,
        member: &Member,
        oids: &mut Oids,
        teller: &Teller,
    ) -> Result<Result<(), Fault>, Deaf> {
        let name = member.name.as_str();
        let oid = name.strip_prefix("blob_").and_then(|rest| rest.strip_suffix(".dat")?.parse().ok());
        if let Some(place) = self.files.remove(name) {
            return self.part(Part::Entry(place), member, teller);
        }
        match (oid, self.large.front()) {
            (Some(oid), Some(place)) => {
                oids.add(oid);
                return self.part(Part::LargeObject { entry: *place, oid }, member, teller);
            }
            (None, Some(place)) if name.starts_with("blobs") => {
                let place = *place;
                let listed = self.list(member, *oids);
                if listed.is_ok() {
                    self.large.pop_front();
                    *oids = Oids::default();
                    teller.tell(Told::LargeObjects(place))?;
                }
                return Ok(listed);
            }
            // What psql would be given; it says nothing that the table of contents does not.
            (None, _) if name == "restore.sql" => {}
            _ => teller.tell(Fault::broken("it is a file of no entry").in_file(name).into())?,
        }
        Ok(self.tar.skip(member, member.size))
    }

    fn part(&mut self, part: Part, member: &Member, teller: &Teller) -> Result<Result<(), Fault>, Deaf> {
        teller.tell(Told::Begin(part))?;
        let mut content = self.tar.content(member);
        let read = teller.pour(&mut content)?.map_err(Fault::from);
        let left = content.limit();
        match read.and_then(|()| self.tar.skip(member, left)) {
            Ok(()) => teller.tell(Told::End(Ok(()))).map(Ok),
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// Reads the list of large objects, all of which must have been there.
    fn list(&mut self, member: &Member, oids: Oids) -> Result<(), Fault> {
        let mut content = BufReader::new(self.tar.content(member));
        let mut listed = Oids::default();
        loop {
            let mut line = Vec::new();
            if (&mut content).take(1024).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let oid = large_object(&line).map(|(oid, _)| oid);
            listed.add(oid.ok_or_else(|| Fault::broken("a line of the list of large objects names none"))?);
        }
        let left = content.into_inner().limit();
        self.tar.skip(member, left)?;
        if listed == oids {
            return Ok(());
        }
        let [listed, there] = [listed, oids].map(|oids| oids.count);
        Err(Fault::missing(format!(
            "it lists {listed} large objects, and these are not the {there} that are there"
        )))
    }
}

/// Large objects, however many: their number, and the sum of their oids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Oids {
    count: u64,
    sum: u64,
}

impl Oids {
    fn add(&mut self, oid: u32) {
        self.count += 1;
        self.sum += u64::from(oid);
    }
}

impl Member {
    fn parse(header: &[u8; BLOCK]) -> Result<Self, String> {
        let claimed = octal(&header[148..156]).ok_or("the checksum of a file's header is no number")?;
        // It is computed as if its own place held spaces.
        let sum: u64 =
            header[..148].iter().chain(&[b' '; 8]).chain(&header[156..]).map(|byte| u64::from(*byte)).sum();
        if sum != claimed {
            return Err("the checksum of a file's header is wrong".to_owned());
        }
        if !matches!(header[156], b'0' | 0) {
            return Err("it holds something that is no file".to_owned());
        }
        let end = header[..100].iter().position(|byte| *byte == 0).unwrap_or(100);
        let name = String::from_utf8_lossy(&header[..end]).into_owned();
        let size = number(&header[124..136]).ok_or("the size of a file is no number")?;
        Ok(Self { name, size })
    }
}

/// Octal digits or, of large files, bytes from the highest to the lowest after a first bit.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] != 0x80 {
        return octal(field);
    }
    if field[1..4] != [0; 3] {
        return None;
    }
    // No file is so large that adding to its size would overflow.
    Some(field[4..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        .filter(|size| *size < 1 << 60)
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok().filter(|_| !text.starts_with('+'))
}
