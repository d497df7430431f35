<?php
// Answers with the form as PHP has read it: values of fields at any depth, and files.
$values = [];
array_walk_recursive($_POST, function ($value) use (&$values) { $values[] = base64_encode($value); });
$files = [];
foreach ($_FILES as $file) {
    $names = is_array($file['name']) ? $file['name'] : [$file['name']];
    $errors = is_array($file['error']) ? $file['error'] : [$file['error']];
    array_walk_recursive($names, function ($name) use (&$files) { $files[] = base64_encode($name); });
    array_walk_recursive($errors, function ($error) use (&$files) { if ($error == UPLOAD_ERR_NO_FILE) array_pop($files); });
}
echo json_encode(['values' => $values, 'files' => $files]);
