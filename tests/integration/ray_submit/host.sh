# A host of the test's cluster: an SSH server at ADDRESS for root, whose home is WORK/NAME. Called by cycle.sh, in
# PID, mount and UTS namespaces of its own, as
#
#     bash host.sh PYTHON WORK NAME ADDRESS PUBLIC_KEY
set -euo pipefail
PYTHON=$1 PLACE=$2/$3 NAME=dalbt-$3 ADDRESS=$4 PUBLIC_KEY=$5

# A short home: Ray's sockets lie below it, and the path of a socket has at most 107 bytes.
mount --bind "$PLACE" /srv
export HOME=/srv
cd
hostname "$NAME"
echo "127.0.0.1 localhost $NAME" >hosts
mount --bind hosts /etc/hosts
# sshd takes the home from the passwd file, not from $HOME.
sed 's#^\(root:.*\):[^:]*:[^:]*$#\1:/srv:/bin/bash#' /etc/passwd >passwd
mount --bind passwd /etc/passwd
mount -t tmpfs none /run
mkdir -p /run/sshd tmp

# What a real host gets from the network by `pip install`: here an environment that borrows the packages of PYTHON.
# pip then finds every dependency in place and installs our project alone, in this environment only.
"$PYTHON" -m venv --without-pip dalbt-env
"$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >borrowed.pth
mv borrowed.pth dalbt-env/lib/python*/site-packages/
printf '#!/srv/dalbt-env/bin/python\nfrom ray.scripts.scripts import main\nmain()\n' >dalbt-env/bin/ray
chmod +x dalbt-env/bin/ray
cat >.bashrc <<'END'
export RAY_TMPDIR=/srv/tmp TMPDIR=/srv/tmp
export PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
END

ssh-keygen -q -t ed25519 -N '' -f host_key
cat >sshd_config <<END
ListenAddress $ADDRESS
HostKey /srv/host_key
PidFile none
AuthorizedKeysFile $PUBLIC_KEY
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
END
# In the background: bash stays PID 1 and reaps. With zombies about, `ray stop` waits for 16 s.
"$(command -v sshd)" -D -e -f /srv/sshd_config 2>sshd.log &
wait
