// The columns that a browser shows at its first visit; Omniboard keeps what the user makes of them in that browser.
// Omniboard alone would show all there are, configuration last. COLUMNS is put in by install.py.
'use strict';

(function () {
  const key = 'default|RunsTable|1';
  if (localStorage.getItem(key)) {
    return;
  }
  const shown = COLUMNS.shown.concat(COLUMNS.metrics.map(metric => metric.name), ['tags', 'notes']);
  const hidden = COLUMNS.hidden;
  const all = shown.concat(hidden);
  const paths = Object.assign({tags: 'omniboard.tags', notes: 'omniboard.notes'}, COLUMNS.paths);
  const label = name => name.replace(/_/g, ' ').trim().replace(/^./, first => first.toUpperCase());
  localStorage.setItem(key, JSON.stringify({
    columnOrder: shown,
    columnWidths: Object.fromEntries(all.map(name => [name, COLUMNS.widths[name] || 110])),
    dropdownOptions: all.map(name => ({label: label(name), value: name, selected: shown.includes(name)})),
    columnNameMap: paths,
    metricAndCustomColumns: COLUMNS.metrics.map(metric => ({name: metric.name, value: metric.name}))
      .concat(COLUMNS.custom.map(column => ({name: column.name, value: column.config_path}))),
  }));
}());
