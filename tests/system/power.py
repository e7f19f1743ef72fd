"""A disk whose power a test can cut: kill -9 keeps the page cache and proves nothing about syncs, this does."""

import os
import subprocess
import time

IMAGE_BYTES = 1 << 30


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class PowerDomain:
    """One loop-mounted XFS."""

    def __init__(self, directory, name):
        self.image = directory / f"{name}.img"
        self.mount_point = directory / name
        self.mount_point.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_BYTES)
        run("mkfs.xfs", "-q", str(self.image))
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", str(self.image), str(self.mount_point))

    def lose_power(self):
        """What was not synced is gone: XFS goes down without writing its log or its data."""
        run("xfs_io", "-x", "-c", "shutdown", str(self.mount_point))

    def unmount(self):
        for _ in range(100):
            if subprocess.run(["umount", str(self.mount_point)], capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"cannot unmount {self.mount_point}")

    def remove(self):
        if os.path.ismount(self.mount_point):
            self.unmount()
        self.image.unlink()
