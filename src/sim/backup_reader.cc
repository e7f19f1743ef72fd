#include "sim/backup_reader.h"

#include <utility>

namespace quorate::sim {

void BackupReader::on_pinned(std::uint64_t, group::PinnedRecords records) {
  store_ = records.store;
  cursor_ = std::make_shared<backup::FileCursor>(std::move(records.first), std::move(records.second));
  go_on();
}

void BackupReader::go_on() {
  store_->read_page_async(cursor_, 1, Callback<Result<env::RecordPage>>::to<&BackupReader::on_page>(this));
}

void BackupReader::on_page(std::uint64_t, Result<env::RecordPage> page) {
  if (!page) {
    taker_(std::unexpected(page.error()));
    return;
  }
  std::size_t at = 0;
  for (const env::RecordPage::Sizes& sizes : page->sizes) {
    backup_.file += page->bytes.substr(at + sizes.key, sizes.value);
    at += sizes.key + sizes.value;
  }
  if (page->is_last) {
    cursor_.reset();
    taker_(std::move(backup_));
    return;
  }
  go_on();
}

}  // namespace quorate::sim
