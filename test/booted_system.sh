#!/bin/sh
# Boots a copy of this machine's file system in a container, with its systemd as process 1. Nothing that happens in it stays.
#
#   unshare --mount --propagation private booted_system.sh FOLDER CHECKOUT ENVIRONMENT PYTHON
#
# In the container the checkout is at /usr/src/robot_fleet, and /opt/robot-fleet is the virtual environment, into which robot_fleet
# itself is yet to be installed, with the Python that it was made of. FOLDER is an empty folder. Ends when the container does.
set -eu
folder=$1 checkout=$2 environment=$3 python=$4
root=$folder/root opt=$folder/root/opt

# In memory: a file system may not be laid over itself.
mount -t tmpfs -o mode=755 booted_system "$folder"
mkdir "$folder/changed" "$folder/work" "$root" "$folder/opt_changed" "$folder/opt_work"
mount -t overlay -o "lowerdir=/,upperdir=$folder/changed,workdir=$folder/work" booted_system "$root"

mkdir -p "$opt/python" "$opt/robot-fleet" "$root/usr/src/robot_fleet"
mount -t overlay -o "lowerdir=$environment,upperdir=$folder/opt_changed,workdir=$folder/opt_work" booted_system "$opt/robot-fleet"
tar -C "$checkout" --exclude=.git --exclude=.venv --exclude=build --exclude='*.egg-info' -c . | tar -C "$root/usr/src/robot_fleet" -x
# The checkout that the environment points to is another one than the one that is installed.
rm -f "$opt"/robot-fleet/lib/python*/site-packages/__editable__*robot_fleet*
if [ "$python" != /usr ]; then
    # The service may not look into home folders, where such a Python often lies.
    mount --bind "$python" "$opt/python"
    ln -sfn "/opt/python/bin/$(basename "$(readlink -f "$environment/bin/python3")")" "$opt/robot-fleet/bin/python3"
    echo /opt/python/lib >"$root/etc/ld.so.conf.d/opt-python.conf"
    chroot "$root" ldconfig
    sed -i "s|^home = .*|home = /opt/python/bin|" "$opt/robot-fleet/pyvenv.cfg"
fi

# The machine's own services and timers stay off: they have nothing to do twice.
exec systemd-nspawn --quiet --directory="$root" --machine="robot-fleet-$$" --keep-unit --register=no --private-network \
    --resolv-conf=off --timezone=off --link-journal=no --console=pipe --boot systemd.unit=basic.target systemd.mask=timers.target
